"""A name that is not there is told in one way, with the names that are."""

import pytest

from commonshelf.config.names import UnknownNameError, check_name, unknown_name


@pytest.mark.parametrize(
    ("of", "name", "told"),
    [
        ("pool riverside", "ana", "pool riverside has no store 'ana'; did you mean anna? its stores: anna, bert"),
        ("pool riverside", "zzz", "pool riverside has no store 'zzz'; its stores: anna, bert"),
        ("", "Bert", "there is no store 'Bert'; did you mean bert? known stores: anna, bert"),
    ],
)
def test_the_sentence_names_what_is_meant_and_what_is_there(of, name, told):
    assert str(unknown_name("store", name, {"bert", "anna"}, of)) == told
    with pytest.raises(UnknownNameError) as refused:
        check_name("store", name, {"bert", "anna"}, of)
    assert str(refused.value) == told


def test_nothing_is_known_where_nothing_is():
    assert str(unknown_name("pool", "x", ())) == "there is no pool 'x'; known pools: none"


def test_it_says_what_named_it():
    told = str(unknown_name("item", "X", ["MILK"], "pool north", about="the quota"))
    assert told == "the quota: pool north has no item 'X'; its items: MILK"


def test_of_many_names_the_most_like_are_told():
    many = [f"ITEM-{number:04}" for number in range(5_000)] + ["MILK-1L", "MILK-2L"]
    told = str(unknown_name("item", "MILK-3L", many, "pool north"))
    assert "did you mean MILK-" in told
    assert {"MILK-1L", "MILK-2L"} <= set(told.partition("its items: ")[2].split(" and ")[0].split(", "))
    assert told.endswith(" and 4994 more")


def test_a_name_that_is_there_is_no_error():
    check_name("store", "anna", ["anna"])
