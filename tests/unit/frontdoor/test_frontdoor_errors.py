"""What the machine refuses is told in a sentence; our own defects keep their traceback."""

import errno
from pathlib import Path

import pytest

from commonshelf.errors import explain
from messaging.errors import UserError


def test_a_full_disk_is_told_with_what_to_do():
    with pytest.raises(OSError) as raised, Path("/dev/full").open("w") as full:
        full.write("x")
    assert explain(raised.value) == "No space left on device; free some disk, then run this again"


def test_a_file_that_may_not_be_written_is_named():
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/shelf/run/settings.json")
    assert explain(error) == (
        "/srv/shelf/run/settings.json: Permission denied; check its owner and rights, then run this again"
    )


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x"), KeyError(1)])
def test_our_own_defects_are_not_explained_away(error):
    assert explain(error) is None


def test_an_error_for_the_user_is_its_sentence():
    class Unlucky(UserError):
        pass

    assert explain(Unlucky("the shelf is gone; put it back")) == "the shelf is gone; put it back"
