"""An attacker who counts along, remembers every number, and subtracts, learns of no two other stores."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.directory.aggregates import GROUP_MIN, MEMORY_DAYS, counted, regroup

STORES = "abcdefghi"
HISTORIES = st.lists(st.sets(st.sampled_from(STORES)), min_size=1, max_size=MEMORY_DAYS // 8)
"""Day by day, which stores let themselves be counted."""


def published(history, rule=regroup):
    """The sets of stores over which numbers were published, a day each."""
    groups, sets = [], []
    for day, willing in enumerate(history, 20_000):
        groups = rule(groups, willing, day)
        if counted(groups):
            sets.append(frozenset(counted(groups)))
    return sets


def taken_apart(sets):
    """(attacker, others): of so few others a combination of the numbers tells, to one who knows their own.

    The worst case: no store's number changes from day to day. Numbers are linear in the stores', so what can be known
    is the row space: a combination in which of the others only `few` are left exists when they add to its rank.
    """
    rows = np.array([[store in one for store in STORES] for one in set(sets)], dtype=float)
    if not len(rows):
        return None
    for attacker in range(len(STORES)):
        others = [n for n in range(len(STORES)) if n != attacker]
        rank = np.linalg.matrix_rank(rows[:, others])
        for size in (1, 2):
            for few in combinations(others, size):
                rest = [n for n in others if n not in few]
                if np.linalg.matrix_rank(rows[:, rest]) < rank:
                    return STORES[attacker], [STORES[n] for n in few]
    return None


@given(HISTORIES)
def test_no_combination_of_published_numbers_is_about_fewer_than_three_others(history):
    sets = published(history)
    assert all(len(one) >= GROUP_MIN for one in sets)
    assert taken_apart(sets) is None


def all_willing(_groups, willing, _day):
    return [{"stores": sorted(willing), "broken_on": 0}] if len(willing) >= GROUP_MIN else []


def grows(groups, willing, day):
    """Whoever waits joins the first group."""
    known = {store for group in groups for store in group["stores"]}
    first = [{"stores": sorted({*groups[0]["stores"], *(set(willing) - known)}), "broken_on": 0}] if groups else []
    return regroup(first + groups[1:], willing, day) if groups else regroup([], willing, day)


def shrinks(groups, willing, day):
    """A group goes on without the store that it lost."""
    kept = [group | {"stores": sorted(set(group["stores"]) & set(willing))} for group in groups]
    return regroup([group for group in kept if len(group["stores"]) >= GROUP_MIN], willing, day)


@pytest.mark.parametrize(
    ("rule", "history"),
    [(all_willing, ["abcde", "abcd"]), (grows, ["abcd", "abcde"]), (shrinks, ["abcde", "bcde"])],
)
def test_the_attacker_takes_simpler_rules_apart(rule, history):
    assert taken_apart(published([set(day) for day in history], rule)) is not None


def test_a_broken_group_s_stores_are_counted_again_when_nobody_remembers_it():
    groups = regroup([], set("abcde"), 1)
    groups = regroup(groups, set("abcd"), 2)
    assert counted(regroup(groups, set("abcd"), 1 + MEMORY_DAYS)) == []
    assert counted(regroup(groups, set("abcd"), 2 + MEMORY_DAYS)) == list("abcd")
