"""An operator's desks on one stack: figures, 80 columns and a pipe, and what they say of a name that is not there."""

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import typer

from commonshelf.cli import app
from tests.support.shelf import AGREEMENT, CommandFolder, make_shelf
from tests.support.terminal import COLUMNS, Said, call
from tests.support.waiting import until

POOL = "riverside"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    """Anna's has 17 of milk by a count (20, 2 broken, 1 short) and 7.5 kg of bananas; Bert's has 4 of milk."""
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    with (made.folder / "commonshelf.toml").open("a") as settings:
        settings.write('[[partners]]\nid = "front-desk"\nkind = "arrival"\nsecret_file = "front-desk-secret"\n')
    (made.folder / "front-desk-secret").write_text("a-secret-of-the-app-front-desk")
    made.up()
    made.drop("anna", "opening-1.csv", "gtin,plu,quantity,uom\n4006381333931,,20,each\n,4011,7.5,kg\n")
    (made.folder / "bert.csv").write_text("sku,quantity\nMILK,4\n")
    ran(made, "store", "add", POOL, "bert", "--name", "Bert's", "--opening-stock", "bert.csv")
    until(lambda: made.available_milli("MILK") == 24_000, "the opening stock")
    at = datetime.now(UTC).isoformat()
    made.drop("anna", "adjustments-1.csv", f"occurred_at,sku,quantity,Grund\n{at},MILK,2,Bruch\n")
    until(lambda: made.available_milli("MILK") == 22_000, "the breakage")
    made.drop("anna", "counts-1.csv", f"counted_at,sku,quantity\n{datetime.now(UTC).isoformat()},MILK,17\n")
    until(lambda: made.available_milli("MILK") == 21_000, "the count")
    yield made
    made.end(signal.SIGTERM)


def ran(shelf: CommandFolder, *words: str, is_terminal: bool = False) -> Said:
    said = call(shelf.folder, shelf.env, *words, is_terminal=is_terminal)
    assert said.exit_code == 0, (words, said)
    return said


def ask(shelf: CommandFolder, *words: str) -> str:
    return ran(shelf, *words, "--wait-s", "300").out


def rows(shelf: CommandFolder, *words: str) -> list[list[str]]:
    """The rows of a list as a pipe gets them, a record a line; on a terminal each line fits and no word is lost."""
    piped = ran(shelf, *words).lines
    shown = ran(shelf, *words, is_terminal=True).lines
    assert max(map(len, shown)) <= COLUMNS, shown
    lost = set(re.sub(r"[.:/_-]", " ", " ".join(piped)).split()) - set(re.sub(r"[.:/_-]", " ", " ".join(shown)).split())
    assert not lost, (lost, shown)
    return [re.split(r" {2,}", line.strip()) for line in piped[1:]]


def test_history_says_why_a_shelf_holds_what_it_holds(shelf):
    told = json.loads(ran(shelf, "history", POOL, "anna", "MILK", "--json").out)
    assert [(line["what"], line["change_milli"], line["on_hand_milli"]) for line in told] == [
        ("opening", 20_000, 20_000), ("adjusted", -2_000, 18_000), ("counted, the difference", -1_000, 17_000),
    ]  # fmt: skip
    assert [line["about"] for line in told] == ["", "damage", ""]
    assert len(rows(shelf, "history", POOL, "anna", "MILK")) == 3


def test_shrinkage_says_what_was_lost_and_why(shelf):
    assert rows(shelf, "shrinkage", POOL) == [["anna", "MILK", "counted", "-1"], ["anna", "MILK", "damage", "-2"]]
    assert ran(shelf, "shrinkage", POOL, "--day", "2026-01-01").out == (
        "no store of pool riverside lost anything on 2026-01-01\n"
    )


def test_an_order_is_listed_with_where_its_goods_are_and_put_back_when_it_is_cancelled(shelf):
    assert "3 MILK at anna" in ask(
        shelf, "order", "place", POOL, "MILK=3", "--at", "anna", "--by", "6h", "--order", "R-1"
    )
    ask(shelf, "order", "confirm", POOL, "R-1")
    [[order, state, _, wanted, kept]] = rows(shelf, "order", "list", POOL)
    assert (order, state, wanted, kept) == ("R-1", "confirmed", "3 MILK", "3 MILK at anna")
    [pick] = [task for task in json.loads(ran(shelf, "tasks", "anna", "--json").out) if task["kind"] == "pick"]
    ran(shelf, "tasks", "done", pick["task"])
    ask(shelf, "order", "cancel", POOL, "R-1")
    [task] = json.loads(ran(shelf, "tasks", "anna", "--json").out)
    assert (task["kind"], [(line["sku"], line["quantity_milli"]) for line in task["lines"]]) == (
        "put_back", [("MILK", 3_000)],
    )  # fmt: skip
    [[name, cause, _, _, goods]] = rows(shelf, "tasks", "anna")
    assert (name, cause, goods.startswith("3 of MILK")) == (task["task"], "R-1", True)
    ran(shelf, "tasks", "done", task["task"])
    assert ran(shelf, "tasks", "anna").out == "anna has no task to do\n"
    assert "--all shows ended ones" in ran(shelf, "order", "list", POOL).out


def test_an_order_for_one_store_says_how_the_rest_gets_there(shelf):
    words = ("--at", "anna", "--by", "6h", "--order", "R-2", "--only-there")
    said = ask(shelf, "order", "place", POOL, "MILK=19", *words)
    assert "17 MILK at anna" in said
    assert "./shelf transfer ask riverside TRANSFER FROM anna MILK=2" in said
    ask(shelf, "order", "cancel", POOL, "R-2")
    assert "R-2" in str(rows(shelf, "order", "list", POOL, "--all"))


def test_a_transfer_is_listed_from_when_it_is_asked_for_until_it_came(shelf):
    ask(shelf, "transfer", "ask", POOL, "T-1", "bert", "anna", "MILK=3")
    figures = rows(shelf, "transfer", "list", POOL)
    assert [figures[0][at] for at in (0, 2, 3, 4, 5)] == ["T-1", "bert", "anna", "MILK", "3"]
    ask(shelf, "transfer", "report", POOL, "T-1", "shipped", "bert", "MILK=3")
    ask(shelf, "transfer", "report", POOL, "T-1", "received", "anna", "MILK=3")
    assert "asked 3, shipped 3, received 3" in ran(shelf, "transfer", "show", POOL, "T-1", is_terminal=True).out
    assert "T-1" not in ran(shelf, "order", "list", POOL, "--all").out
    [ended] = rows(shelf, "transfer", "list", POOL, "--all")
    assert ended[-3:] == ["3", "3", "3"]
    told = json.loads(ran(shelf, "history", POOL, "anna", "MILK", "--json").out)
    assert told[-1]["on_hand_milli"] == 20_000


def test_a_quota_is_listed_with_what_each_customer_has_had(shelf):
    assert ran(shelf, "quota", "list", POOL).out == "pool riverside has no quotas\n"
    day = datetime.now(UTC)
    window = ("--from", f"{day:%Y-%m-%d}", "--until", f"{day.year + 1}-01-01")
    ran(shelf, "quota", POOL, "BANANA", *window, "--per-customer", "2", "--per-store", "5")
    until(lambda: "each customer" in ran(shelf, "quota", "list", POOL).out, "the quota")
    words = ("--at", "anna", "--by", "6h", "--order", "R-3", "--customer", "c-1")
    ask(shelf, "order", "place", POOL, "BANANA=1.5", *words)
    used = {row[2]: row[3:] for row in rows(shelf, "quota", "list", POOL)}
    assert used == {"store anna": ["5", "1.5"], "store bert": ["5", "0"], "customer c-1": ["2", "1.5"]}


def test_a_place_takes_appointments_and_tells_its_hours(shelf):
    assert "makes no appointments" in ran(shelf, "place", "list", POOL).out
    told = ran(shelf, "place", "add", POOL, "anna", "--per-quarter", "2", "--opening", "mon=00:00-24:00")
    assert told.out == "place anna of pool riverside published\n"
    ran(shelf, "place", "add", POOL, "anna", "--per-quarter", "2")
    assert rows(shelf, "place", "list", POOL)[0] == ["anna", "anna", "2", "any", "0"]
    now_ms = int(datetime.now(UTC).timestamp() * 1_000)
    terms = {
        "mode": "pickup", "preferred_store": "anna", "customer_ref": "c-7", "deadline_ms": now_ms + 6 * 3_600_000,
        "pickup": {"from_ms": now_ms + 3_600_000, "until_ms": now_ms + 7_200_000},
        "lines": [{"line_id": "1", "sku": "BANANA", "quantity_milli": 500}],
    }  # fmt: skip
    (shelf.folder / "wish.json").write_text(
        json.dumps({"pool": POOL, "order": "R-7", "kind": "placed", "terms": terms})
    )
    assert "R-7" in ask(shelf, "order", "send", "wish.json")
    until(lambda: rows(shelf, "place", "list", POOL)[0][-1] == "1", "the appointment")
    assert rows(shelf, "place", "hours", POOL)[0][2:] == ["1", "8", "0", "0", "##"]
    ran(shelf, "place", "hours", POOL, "--csv", "lanes.csv")
    assert (shelf.folder / "lanes.csv").read_text().splitlines()[0] == "place,hour,orders,room,collected,no-shows"
    ask(shelf, "order", "cancel", POOL, "R-7")


def test_a_customer_comes_by_appointment_and_is_handed_the_goods_for_the_code(shelf):
    """Through the reference app: told by the agents, it reports to the connectors, and the pool answers."""
    ran(shelf, "place", "add", POOL, "anna", "--prepare-min", "0", "--line-s", "0")
    begins = datetime.now(UTC) + timedelta(minutes=20)
    window = f"{begins:%Y-%m-%d} {begins:%H:%M}-{begins + timedelta(minutes=30):%H:%M}"
    words = ("--at", "anna", "--order", "R-8", "--collect", window, "--place", "anna", "--by", "8h")
    said = ask(shelf, "order", "place", POOL, "MILK=1", *words)
    assert "collect what anna keeps at anna" in said
    code, page = re.search(r"code: (\w+)\n  the customer's page: (\S+)\n", said).groups()
    counter = ran(shelf, "place", "counter", POOL, "anna").out.strip()
    with httpx.Client(trust_env=False, timeout=60) as web:
        until(lambda: web.get(page).status_code == 200, "the customer's page")
        assert code in web.get(page).text

        def sent(url: str, name: str, **fields: str) -> httpx.Response:
            """What a form is answered; 303 says that the pool has it, or that its word takes longer."""
            return web.post(url, data={"id": name, "order": "R-8", "store": "anna", **fields})

        until(lambda: sent(page, "1", kind="arrived").status_code == 303, "the report")
        ask(shelf, "order", "confirm", POOL, "R-8")
        [task] = until(lambda: [row for row in rows(shelf, "tasks", "anna") if "R-8" in row], "the pick")
        ran(shelf, "tasks", "done", task[0].removeprefix("! "), "--worker", "kim")
        until(lambda: "Hand over" in web.get(counter).text, "the hand-over")
        assert "here for" in web.get(counter).text
        wrong = sent(counter, "2", kind="handed_over", code="X")
        assert wrong.status_code == 303 or "4 tries are left" in wrong.text
        assert sent(counter, "3", kind="handed_over", code=code).status_code == 303
        until(lambda: "You have collected your order" in web.get(page).text, "the end")
    assert "appointment at anna (anna)" in ran(shelf, "order", "show", POOL, "R-8").out


def test_the_shop_s_folder_lists_what_waits_for_the_operator(shelf):
    listed = shelf.folder / "drop" / "anna" / "rejected" / "_waiting.report.txt"
    at = datetime.now(UTC).isoformat()
    shelf.drop("anna", "sales-1.csv", f"receipt_no,sold_at,sku,quantity\n1,{at},new-tea,1\n")
    until(listed.exists, "the list")
    assert "1 each of sku:new-tea: nobody has said yet which item this code means" in listed.read_text()
    assert rows(shelf, "map", "unmapped", POOL)[0][:3] == ["sku:new-tea", "1", "1 each"]
    ran(shelf, "map", "set", POOL, "sku:new-tea", "MILK", "--store", "anna")
    until(lambda: not listed.exists(), "its end")


WRONG_POOL = f"there is no pool 'riverside-x'; did you mean {POOL}? known pools: {POOL}"
WRONG_STORE = f"pool {POOL} has no store 'ana'; did you mean anna? its stores: anna, bert"
WRONG_ITEM = f"pool {POOL} has no item 'MLIK'; did you mean MILK? its items: BANANA, MILK"
OF_FILE = "the settings file has no store 'ana'; did you mean anna? its stores: anna, bert"
OF_ALL = "there is no store 'ana'; did you mean anna? known stores: anna, bert"
NAMES = {
    "park": [("x pos.sales.v1 0 0 --reason r", WRONG_POOL)],
    "tasks": [("ana", OF_ALL), ("anna --pool x", WRONG_POOL), (f"ana --pool {POOL}", WRONG_STORE)],
    "quota": [
        ("x MILK --from 2026-01-01 --until 2026-01-02", WRONG_POOL),
        ("list x", WRONG_POOL),
        (f"{POOL} MLIK --from 2026-01-01 --until 2026-01-02 --per-store 1", WRONG_ITEM),
        (f"{POOL} MILK --from 2026-01-01 --until 2026-01-02 --store ana=1", WRONG_STORE),
    ],
    "place add": [("x anna", WRONG_POOL), (f"{POOL} ana", WRONG_STORE), (f"{POOL} lane --store ana", WRONG_STORE)],
    "place list": [("x", WRONG_POOL)],
    "place hours": [("x", WRONG_POOL)],
    "place counter": [("x anna", WRONG_POOL)],
    "availability": [("x", WRONG_POOL), (f"{POOL} MLIK", WRONG_ITEM)],
    "history": [("x anna MILK", WRONG_POOL), (f"{POOL} ana MILK", WRONG_STORE), (f"{POOL} anna MLIK", WRONG_ITEM)],
    "shrinkage": [("x", WRONG_POOL)],
    "clock confirm": [("x", WRONG_POOL)],
    "store add": [("x anna --name Anna", WRONG_POOL)],
    "store item": [("x anna MILK", WRONG_POOL), (f"{POOL} ana MILK", WRONG_STORE), (f"{POOL} anna MLIK", WRONG_ITEM)],
    "store join": [("x anna 2026-12-01", WRONG_POOL), (f"{POOL} ana 2026-12-01", WRONG_STORE)],
    "store leave": [("x anna 2026-12-31", WRONG_POOL), (f"{POOL} ana 2026-12-31", WRONG_STORE)],
    "store list": [("x", WRONG_POOL)],
    "connect check": [("ana", OF_FILE)],
    "connect discover": [("ana", OF_FILE)],
    "connect read": [("ana", OF_FILE)],
    "connect backfill": [("ana --since 1d", OF_FILE)],
    "connect status": [("ana --items", OF_FILE)],
    "map status": [("x", WRONG_POOL)],
    "map unmapped": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "map suggest": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "map set": [
        ("x sku:A MILK --all-stores", WRONG_POOL),
        (f"{POOL} sku:A MILK --store ana", "the pool has no store 'ana'; did you mean anna? its stores: anna, bert"),
        (f"{POOL} sku:A MLIK --store anna", "the pool has no item 'MLIK'; did you mean MILK? its items: BANANA, MILK"),
    ],
    "map import": [("x codes.csv", WRONG_POOL)],
    "dlq list": [("--pool x", WRONG_POOL), ("--store ana", OF_ALL)],
    "dlq replay": [("--pool x", WRONG_POOL), ("--store ana", OF_ALL)],
    "dlq discard": [("--pool x --reason r --yes", WRONG_POOL), ("--store ana --reason r --yes", OF_ALL)],
    "order place": [
        ("x MILK=1 --at anna", WRONG_POOL), (f"{POOL} MILK=1 --at ana", WRONG_STORE),
        (f"{POOL} MLIK=1 --at anna", WRONG_ITEM),
    ],
    "order list": [("x", WRONG_POOL)],
    "order confirm": [("x R-1", WRONG_POOL)],
    "order cancel": [("x R-1", WRONG_POOL)],
    "order show": [("x R-1", WRONG_POOL)],
    "transfer ask": [
        ("x T-9 anna bert MILK=1", WRONG_POOL), (f"{POOL} T-9 ana bert MILK=1", WRONG_STORE),
        (f"{POOL} T-9 bert ana MILK=1", WRONG_STORE), (f"{POOL} T-9 anna bert MLIK=1", WRONG_ITEM),
    ],
    "transfer report": [
        ("x T-1 shipped anna MILK=1", WRONG_POOL), (f"{POOL} T-1 shipped ana MILK=1", WRONG_STORE),
    ],
    "transfer list": [("x", WRONG_POOL)],
    "route plan": [("x", WRONG_POOL)],
    "carrier manifest": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "transfer show": [("x T-1", WRONG_POOL)],
    "lend set": [
        ("x anna MILK hill 1", WRONG_POOL), (f"{POOL} anna MILK x 1", WRONG_POOL),
    ],
    "lend list": [("x", WRONG_POOL)],
    "restock plan": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "restock answer": [
        ("x anna MILK approved", WRONG_POOL), (f"{POOL} ana MILK approved", WRONG_STORE),
        (f"{POOL} anna MLIK approved", WRONG_ITEM),
    ],
    "restock orders": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "restock export": [("x --csv sheets", WRONG_POOL), (f"{POOL} --csv sheets --store ana", WRONG_STORE)],
    "restock import": [("x sheet.csv --by ada", WRONG_POOL)],
    "restock drop split": [
        ("x MILK 9 --from 2026-12-01 --until 2026-12-08 --like BANANA", WRONG_POOL),
        (f"{POOL} MLIK 9 --from 2026-12-01 --until 2026-12-08 --like BANANA", WRONG_ITEM),
    ],
    "restock drop balance": [("x MILK --like BANANA", WRONG_POOL), (f"{POOL} MLIK --like BANANA", WRONG_ITEM)],
    "restock scenario": [("x", WRONG_POOL), (f"{POOL} --store ana", WRONG_STORE)],
    "restock calendar add": [("x fairs.csv", WRONG_POOL)],
    "restock calendar holidays": [("x DE", WRONG_POOL)],
    "restock calendar list": [("x", WRONG_POOL)],
    "restock calendar remove": [("x fairs", WRONG_POOL)],
    "candidates": [("x", WRONG_POOL)],
    "settle unpriced": [("x", WRONG_POOL)],
    "settle balance": [("x", WRONG_POOL), (f"{POOL} ana", WRONG_STORE)],
    "settle statement": [("x anna", WRONG_POOL), (f"{POOL} ana", WRONG_STORE)],
    "settle net": [("x", WRONG_POOL)],
    "settle export": [("x hledger", WRONG_POOL)],
    "settle claims": [("x", WRONG_POOL)],
    "settle dispute open": [("x d1 anna 1.0 --because b", WRONG_POOL), (f"{POOL} d1 ana 1.0 --because b", WRONG_STORE)],
    "settle dispute resolve": [("x d1", WRONG_POOL)],
    "settle dispute reject": [("x d1", WRONG_POOL)],
    "settle dispute list": [("x", WRONG_POOL)],
    "settle dispute show": [("x d1", WRONG_POOL)],
    "agreement diff": [("x agreement.toml agreement.toml", WRONG_POOL)],
    "agreement publish": [("x agreement.toml", WRONG_POOL)],
    "agreement list": [("x", WRONG_POOL)],
    "key add": [("x --label l --store anna", WRONG_POOL), (f"{POOL} --label l --store ana", WRONG_STORE)],
    "key list": [("x", WRONG_POOL)],
    "grant public": [("x anna", WRONG_POOL), (f"{POOL} ana", WRONG_STORE)],
    "grant numbers": [
        ("x anna --to ana --purpose p --lasts 30d", WRONG_POOL),
        (f"{POOL} ana --to anna --purpose p --lasts 30d", WRONG_STORE),
    ],
    "grant end": [("x g-1", WRONG_POOL)],
    "grant list": [("x", WRONG_POOL)],
}  # fmt: skip
"""Command → words with a name that is not there (x: another pool), and what it says."""


def test_every_command_tells_a_name_that_is_not_there_in_the_same_words(shelf):
    (shelf.folder / "codes.csv").write_text("code,sku\nplu:1,MILK\n")
    (shelf.folder / "agreement.toml").write_text(AGREEMENT)
    (shelf.folder / "sheet.csv").write_text("sku\n")
    (shelf.folder / "fairs.csv").write_text("kind,first_day\nstreet fair,2026-07-04\n")
    wrong = []
    for command, cases in NAMES.items():
        for words, told in cases:
            typed = [f"{POOL}-x" if word == "x" else word for word in words.split()]
            said = call(shelf.folder, shelf.env, *command.split(), *typed)
            if said.exit_code != 1 or told not in f"{said.out}{said.err}":
                wrong.append((command, words, said))
    assert wrong == []


def test_no_command_that_takes_such_a_name_is_left_out():
    found = set(_commands(typer.main.get_command(app), ""))
    # The pool only names the members in a document; or it is one of whatever server is asked.
    elsewhere = {"agreement document", "conformance"}
    assert {command for command in found if not command.startswith("bench")} == set(NAMES) | elsewhere


def _commands(command, path: str) -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}".strip())
    if any(parameter.name in ("pool", "store", "sku") for parameter in command.params):
        yield path
