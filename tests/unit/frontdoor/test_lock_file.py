"""A file that one process holds: others are told who, and looking at it is not holding it."""

import multiprocessing
import os
import threading

import pytest

from commonshelf.embedded_kafka.lock_file import HeldByAnotherError, hold, holder
from tests.support.waiting import until


def test_a_held_file_names_its_holder_until_it_is_let_go_of(tmp_path):
    path = tmp_path / "a.lock"
    assert holder(path) is None
    with hold(path):
        assert holder(path) == str(os.getpid())
        with pytest.raises(HeldByAnotherError, match=str(os.getpid())):
            hold(path)
    assert holder(path) is None


def test_a_killed_holder_holds_no_longer(tmp_path):
    path = tmp_path / "a.lock"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_hold_for_ever, args=(path,))
    process.start()
    until(lambda: holder(path) == str(process.pid), "the other process's hold")
    process.kill()
    process.join()
    assert holder(path) is None


def test_those_who_look_keep_nobody_from_taking_it(tmp_path):
    path, ended = tmp_path / "a.lock", threading.Event()
    hold(path).close()

    def look():
        while not ended.wait(0.001):
            holder(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(50):
            hold(path).close()
    finally:
        ended.set()
        looker.join()


def _hold_for_ever(path):
    with hold(path):
        threading.Event().wait()
