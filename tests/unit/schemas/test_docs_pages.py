"""The committed pages say what the schemas say."""

import pytest

from commonshelf.docs_pages import FOLDER, pages
from schemas.topics import TOPICS


def test_there_is_a_page_for_every_topic_and_an_index():
    assert set(pages()) == {f"{name}.md" for name in TOPICS} | {"README.md"}


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_up_to_date(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run: python -m commonshelf.docs_pages"


def test_no_page_is_left_of_a_topic_that_is_gone():
    assert {path.name for path in FOLDER.glob("*.md")} == set(pages())


def test_the_index_links_every_page():
    for name in TOPICS:
        assert f"[{name}]({name}.md)" in pages()["README.md"]
