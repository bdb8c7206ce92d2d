"""A table is a dict whose rows happen to be stored elsewhere, however small its cache."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.runtime.table import Table


class Stored:
    """A table of lists of numbers over a dict."""

    def __init__(self, cached_rows_max=50_000):
        self.rows = {}
        self.fetched = []
        self.in_flight = []
        self.table = Table(lambda key: f"row/{key}", bytes, list, self._fetch, cached_rows_max)

    def _fetch(self, row_key):
        self.fetched.append(row_key)
        return self.rows.get(row_key)

    def commit(self):
        changes = self.close()
        self.settle()
        return changes

    def close(self):
        """End the batch; it is stored later."""
        self.settle()
        self.in_flight = list(self.table.drain())
        return self.in_flight

    def settle(self):
        """Store the batch that was closed last."""
        for key, value in self.in_flight:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        self.in_flight = []
        self.table.committed()


def test_a_row_is_fetched_once_and_then_kept():
    stored = Stored()
    stored.rows["row/a"] = b"\1"
    assert [stored.table.get("a"), stored.table.get("a"), stored.fetched] == [[1], [1], ["row/a"]]


def test_a_row_that_is_not_there_is_none():
    assert Stored().table.get("a") is None


def test_a_deleted_row_is_gone_before_the_batch_ends_although_it_is_still_stored():
    stored = Stored()
    stored.rows["row/a"] = b"\1"
    stored.table.delete("a")
    assert stored.table.get("a") is None
    assert stored.commit() == [("row/a", None)]
    assert stored.table.get("a") is None


def test_a_row_put_again_after_its_deletion_is_there():
    stored = Stored()
    stored.table.delete("a")
    stored.table.put("a", [2])
    assert (stored.table.get("a"), stored.commit()) == ([2], [("row/a", b"\2")])


def test_each_changed_row_is_written_once_in_its_last_value():
    stored = Stored()
    for value in (1, 2, 3):
        stored.table.put("a", [value])
    stored.table.put("b", [9])
    stored.table.delete("b")
    assert stored.commit() == [("row/a", b"\3"), ("row/b", None)]


def test_a_batch_without_changes_writes_nothing():
    stored = Stored()
    stored.table.put("a", [1])
    stored.commit()
    stored.table.get("a")
    assert stored.commit() == []


def test_changing_a_row_in_place_and_putting_it_writes_the_change():
    stored = Stored()
    stored.rows["row/a"] = b"\1"
    row = stored.table.get("a")
    row.append(2)
    stored.table.put("a", row)
    assert stored.commit() == [("row/a", b"\1\2")]


@pytest.mark.parametrize("cached_rows_max", [0, 1, 10])
def test_a_full_cache_forgets_half_and_no_row_is_lost(cached_rows_max):
    stored = Stored(cached_rows_max)
    for key in range(40):
        stored.table.put(key, [key])
    stored.commit()
    assert len(stored.table.cache) == 20
    assert [stored.table.get(key) for key in range(40)] == [[key] for key in range(40)]


def test_rows_of_a_batch_that_is_not_stored_yet_are_there_although_the_cache_forgot_them():
    stored = Stored(cached_rows_max=0)
    stored.rows["row/b"] = b"\2"
    stored.table.put("a", [1])
    stored.table.delete("b")
    stored.close()
    stored.table.cache.clear()
    assert (stored.table.get("a"), stored.table.get("b")) == ([1], None)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abcd"), st.integers(0, 255)),
        st.tuples(st.just("append"), st.sampled_from("abcd"), st.integers(0, 255)),
        st.tuples(st.just("delete"), st.sampled_from("abcd"), st.none()),
        st.tuples(st.just("get"), st.sampled_from("abcd"), st.none()),
        st.tuples(st.sampled_from(["close", "settle"]), st.none(), st.none()),
    ),
    max_size=30,
)


@given(steps=steps, cached_rows_max=st.sampled_from([0, 1, 2, 100]))
@settings(max_examples=400)
def test_whatever_is_done_the_table_says_what_a_dict_would(steps, cached_rows_max):
    stored, model = Stored(cached_rows_max), {}
    for step, key, value in steps:
        match step:
            case "put":
                stored.table.put(key, [value])
                model[key] = [value]
            case "append":
                row = stored.table.get(key) or []
                row.append(value)
                stored.table.put(key, row)
                model[key] = [*model.get(key, []), value]
            case "delete":
                stored.table.delete(key)
                model.pop(key, None)
            case "get":
                assert stored.table.get(key) == model.get(key)
            case "close":
                stored.close()
            case "settle":
                stored.settle()
    stored.commit()
    assert stored.rows == {f"row/{key}": bytes(row) for key, row in model.items()}
