"""Agreements as files, in words, compared, and as a document."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from streams.settlement.agreements.compare import compare
from streams.settlement.agreements.file import AgreementError, read_agreement
from streams.settlement.agreements.words import explained, worked_example
from streams.settlement.ledger.windows import window_of
from tests.support.pool import NOON_MS, OTHER_STORE, POOL, STORE, wanted
from tests.support.settlement import agreement, collected, members

WHOLE = """
version = 2
effective_from = 2026-12-01
currency = "EUR"
ownership = "owner"
customer_pays = "selling"
handling_fee = "0.50"
pickup_fee = 0.2
no_show_fee = 1
delivery_fee = "3.90"
returns_to = "fulfilling"
returns_within_days = 14
tax = "added"
transit_loss = "fund"
rounding = "half_even"

[transfer_price]
kind = "list"

[[list_prices]]
sku = "milk-1l"
price = "0.95"

[delivery_split]
selling_percent = 60
fulfilling_percent = 40

[shrink]
bearer = "fund"
covers = "all"
deductible = "5"
cap = "100"

[[lending]]
pool = "hillside"
fee_per_unit = "0.05"
currency = "EUR"

[window]
every = "weekly"
starts_on = 1
cut_off = "18:00"
time_zone = "Europe/Berlin"
closing_delay_h = 12

[insurance]
premium_ppm_per_day = 50
deductible = "10"
cover = "500"
"""


def written(tmp_path, text=WHOLE):
    file = tmp_path / "agreement.toml"
    file.write_text(text)
    return file


def test_a_file_says_amounts_percents_days_and_times_as_people_write_them(tmp_path):
    found = read_agreement(written(tmp_path))
    assert (found.handling_fee_minor, found.pickup_fee_minor, found.delivery_split.selling_permille) == (50, 20, 600)
    assert (found.returns_within_ms, found.window.cut_off_minute) == (14 * 86_400_000, 18 * 60)
    assert found.effective_from_ms == 1_796_079_600_000  # midnight in Berlin
    assert (found.list_prices[0].price_minor, found.shrink.cap_minor, found.lending[0].fee_minor_per_unit) == (
        95,
        10_000,
        5,
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "fulfilling_percent = 40",
            "fulfilling_percent = 30",
            "delivery_split: selling_permille and fulfilling_permille",
        ),
        ('handling_fee = "0.50"', 'handling_fee = "0.505"', "handling_fee is '0.505'; write an amount with at most 2"),
        ('cut_off = "18:00"', 'cut_off = "6pm"', "window.cut_off is '6pm'; write a time of day like 18:00"),
        ("starts_on = 1", "starts_on = 9", "window: starts_on is 9; of a weekly window"),
        ('ownership = "owner"', 'ownership = "mine"', "ownership is 'mine': it should be 'owner' or 'on_transfer'"),
        ("version = 2", "verison = 2", "version: Field required"),
        (
            "effective_from = 2026-12-01",
            'effective_from = "soon"',
            "effective_from is 'soon'; write a date like 2026-12-01",
        ),
        ("[window]", "[window", "is no TOML"),
    ],
)
def test_what_breaks_an_agreement_is_named(tmp_path, old, new, told):
    with pytest.raises(AgreementError) as refused:
        read_agreement(written(tmp_path, WHOLE.replace(old, new)))
    assert told in str(refused.value)


def test_windows_of_minutes_follow_one_another(tmp_path):
    found = read_agreement(written(tmp_path, WHOLE.replace('every = "weekly"', 'every = "minutes"\nminutes = 15')))
    terms = found.window.model_dump(mode="json")
    start, end = window_of(NOON_MS, terms)
    assert (start % 900_000, end - start) == (0, 900_000)
    assert start <= NOON_MS < end
    assert window_of(end, terms) == (end, end + 900_000)
    assert "A window ends every 15 minutes" in "\n".join(explained(found))


def test_a_currency_without_decimals_has_none_in_its_amounts(tmp_path):
    text = 'version = 1\neffective_from = 2026-12-01\ncurrency = "JPY"\nhandling_fee = 50\n'
    assert read_agreement(written(tmp_path, text)).handling_fee_minor == 50
    with pytest.raises(AgreementError, match="at most 0 decimals"):
        read_agreement(written(tmp_path, text.replace("50", "0.5")))


def test_the_example_is_what_the_ledger_would_post():
    """Two at cost 2.00 plus 10 % are 4.40; 7 % tax is 0.31 (0.308); handling 0.50: 5.21."""
    told = worked_example(agreement(tax="added", handling_fee_minor=50))
    assert told[-1] == "  A owes B 5.21 EUR for it."


def test_two_agreements_are_compared_on_what_happened():
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    found = compare(POOL, bench.journal(), agreement(), agreement(transfer_price={"permille": 500}), NOON_MS - 1)
    assert [(one.party, one.old_minor, one.new_minor) for one in found] == [
        (STORE, 220, 300),
        (OTHER_STORE, -220, -300),
    ]
    assert compare(POOL, bench.journal(), agreement(), agreement(), NOON_MS + 86_400_000) == []


def call(*words, **more):
    return CliRunner().invoke(app, ["agreement", *words], **more)


def test_a_new_agreement_is_asked_for_explained_and_signed(tmp_path):
    file = tmp_path / "new.toml"
    answered = call("new", str(file), input="\n" * 10)
    assert answered.exit_code == 0, answered.output
    assert "A owes B" in answered.output
    assert read_agreement(file).transfer_price.permille == 100
    again = call("new", str(file))
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    page = call("document", str(file), "--pool", "Riverside", "--member", "Anna").output
    assert "# Agreement of the members of Riverside" in page
    assert "| Anna | | | |" in page


def test_every_key_of_an_agreement_stands_on_its_page():
    page = (Path(__file__).parents[3] / "docs" / "agreements.md").read_text()
    keys = {line.split("=")[0].strip() for line in WHOLE.splitlines() if "=" in line}
    assert {key for key in keys if f"`{key}`" not in page} == set()
