"""Listeners to changes: in order, bounded, each told when it has missed some."""

import asyncio

from commonshelf.web.views.changes import Change, Changes, ReadAnew
from tests.support.waiting import PATIENCE_S

SHELF = Change("shelf", "riverside", "MILK/mill", 7)
TASK = Change("task", "riverside", "pick-1", 8)


def heard(changes, *batches, pool="riverside", kinds=None):
    """What a listener from before these batches hears, one after the other."""

    async def run():
        with changes.listen(pool, kinds) as listener:
            for batch in batches:
                changes.tell(batch)
                await changes.close_batch()
            found = []
            while (part := await listener.next(0.01)) is not None:
                found.append(part if isinstance(part, ReadAnew) else part.changes)
            return found

    return asyncio.run(run())


def test_a_listener_hears_what_comes_after_it_began():
    changes = Changes()
    changes.tell([TASK])
    assert heard(changes, [SHELF]) == [[SHELF]]


def test_several_changes_of_a_row_in_a_moment_are_one():
    assert heard(Changes(), [SHELF, SHELF._replace(offset=9)]) == [[SHELF._replace(offset=9)]]


def test_a_listener_hears_its_own_pool_and_kinds_alone():
    other = SHELF._replace(pool="lake")
    assert heard(Changes(), [SHELF, other, TASK], kinds=["task"]) == [[TASK]]
    assert heard(Changes(), [SHELF], pool="lake") == []


def test_a_slow_listener_is_told_to_read_anew():
    batches = [[TASK._replace(offset=n)] for n in range(11)]
    assert heard(Changes(), *batches) == [ReadAnew(11)]
    assert heard(Changes(), *batches[:10]) == batches[:10]


def test_what_is_too_much_for_a_batch_is_read_anew():
    assert heard(Changes(), [TASK._replace(name=str(n)) for n in range(20_001)], [SHELF]) == [ReadAnew(2)]


def test_what_follows_from_a_change_is_told_with_it():
    changes = Changes()
    changes.notice = lambda change: [change._replace(kind="band")] if change.kind == "shelf" else []
    assert heard(changes, [SHELF, TASK]) == [[SHELF, TASK, SHELF._replace(kind="band")]]


def test_nobody_listens_any_more_when_all_have_left():
    changes = Changes()
    heard(changes, [SHELF])
    assert changes.listeners == 0


def test_what_is_told_of_a_batch_is_made_once_for_each_audience():
    made = []

    def tell(changes):
        made.append(changes)
        return f"{len(made)}: {changes[0].name}"

    async def run():
        changes = Changes()
        with changes.listen("riverside") as one, changes.listen("riverside") as another:
            changes.tell([SHELF])
            await changes.close_batch()
            parts = [await listener.next(PATIENCE_S) for listener in (one, another)]
            return [part.told(audience, tell) for audience in ("mill", "public") for part in parts]

    assert asyncio.run(run()) == ["1: MILK/mill"] * 2 + ["2: MILK/mill"] * 2
    assert made == [[SHELF], [SHELF]]


def test_who_waits_is_woken_for_the_last_time_when_the_server_stops():
    async def run():
        changes = Changes()
        with changes.listen("riverside") as listener:
            waiting = asyncio.create_task(listener.next(PATIENCE_S))
            await asyncio.sleep(0)
            changes.end()
            return await waiting, await listener.next(PATIENCE_S)

    assert asyncio.run(run()) == (None, None)
