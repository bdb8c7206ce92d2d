"""A statement as a page: HTML that prints."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from html import escape

from commonshelf.desks.settlement.wording import moment, money, party_name, quantity, reference
from streams.settlement.statements import TITLES, CurrencyPart, DisputedLine, Section, Statement, StatementLine

_STYLE = """
@page { size: A4; margin: 18mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
body { font: 10pt/1.45 "DejaVu Sans", "Liberation Sans", sans-serif; color: #1b1b1b; max-width: 190mm; margin: 2em auto;
  padding: 0 1em; }
h1 { font-size: 17pt; margin: 0 0 .1em; } h2 { font-size: 12pt; margin: 1.6em 0 .3em; break-after: avoid; }
h3 { font-size: 10pt; margin: 1.2em 0 .2em; break-after: avoid; } p { margin: .2em 0 .6em; }
table { width: 100%; border-collapse: collapse; } thead { display: table-header-group; } tr { break-inside: avoid; }
th { text-align: left; font-weight: 600; border-bottom: 1px solid #666; font-size: 8.5pt; }
td, th { padding: .25em .5em .25em 0; vertical-align: top; } td { border-bottom: 1px solid #ddd; font-size: 8.5pt; }
td.amount, th.amount { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 0; }
td.when, td.entry { white-space: nowrap; }
table.lines { table-layout: fixed; } table.lines td { overflow-wrap: anywhere; }
table.lines td.entry, table.lines th.entry { padding-left: 1em; }
tr.total td { border-top: 1px solid #666; border-bottom: 0; font-weight: 600; }
table.balance td { font-size: 10pt; }
table.balance tr:last-child td { border-top: 2px solid #1b1b1b; font-weight: 700; }
.note { color: #555; font-size: 8.5pt; } p.last { margin-top: 2em; }
.preliminary { border: 1px solid #b25; padding: .4em .7em; color: #7a1238; }
@media print { body { margin: 0; padding: 0; max-width: none; } a { color: inherit; text-decoration: none; } }
"""


def statement_html(statement: Statement, names: Mapping[str, str], zone: tzinfo) -> str:
    """The whole page. names: store → what people call it; zone: of the times in it."""
    name = party_name(statement.store, names)
    title = f"Statement of {name}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>Pool {escape(statement.pool)}, {_period(statement, zone)}</p>",
            *([] if statement.is_closed else [_PRELIMINARY]),
            *(line for part in statement.parts for line in _part(part, names, zone)),
            *([] if statement.parts else ["<p>Nothing was posted for this store.</p>"]),
            _NOTES,
            "</body>\n</html>\n",
        )
    )


_PRELIMINARY = (
    '<p class="preliminary">Preliminary: this window is still open, and what happens in it may change all of this.</p>'
)
_COLUMNS = "".join(f'<col style="width: {percent}%">' for percent in (16, 20, 13, 13, 8, 7, 10, 13))
"""Widths of a section's columns, alike in all sections."""
_NOTES = (
    '<p class="note last">Amounts above zero are in this store\'s favour. A balance is what others owe the store less '
    "what it owes; payments are not part of it. Entry is the place in the pool's journal, and the number behind the "
    "dot counts what was posted there: both name a line when it is disputed.</p>"
)


def _period(statement: Statement, zone: tzinfo) -> str:
    return f"{moment(statement.start_ms, zone)} to {moment(statement.end_ms, zone)}"


def _part(part: CurrencyPart, names: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    yield f"<h2>Balance in {escape(part.currency)}</h2>"
    rows = [("Opening balance", part.opening_minor)]
    for is_restated, what in ((False, "of this window"), (True, "of earlier windows, posted late")):
        sums = [section for section in part.sections if section.is_restated is is_restated]
        if sums:
            rows.append((f"Postings {what}", sum(section.total_minor for section in sums)))
    rows.append(("Closing balance", part.closing_minor))
    cells = (f'<tr><td>{what}</td><td class="amount">{money(amount, part.currency)}</td></tr>' for what, amount in rows)
    yield f'<table class="balance">{"".join(cells)}</table>'
    if part.disputed:
        yield f"<p>Of the closing balance {money(part.disputed_minor, part.currency)} is disputed.</p>"
    if part.lent_minor:
        yield f'<p class="note">Others keep goods of this store worth {money(part.lent_minor, part.currency)}.</p>'
    for is_restated, heading in ((False, "In this window"), (True, "Restated: of earlier windows, posted late")):
        found = [section for section in part.sections if section.is_restated is is_restated]
        if found:
            yield f"<h2>{heading}, {escape(part.currency)}</h2>"
        for section in found:
            yield from _section(section, part.currency, names, zone)
    if part.disputed:
        yield f"<h2>Disputed, {escape(part.currency)}</h2>"
        yield from _disputed(part.disputed, part.currency, names)


def _section(section: Section, currency: str, names: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    yield f"<h3>{TITLES[section.kind]}</h3>"
    yield (
        f'<table class="lines"><colgroup>{_COLUMNS}</colgroup><thead><tr><th>When</th><th>What</th><th>With</th>'
        '<th>About</th><th class="amount">Quantity</th><th class="entry">Entry</th><th class="amount">Tax</th>'
        '<th class="amount">Amount</th></tr></thead><tbody>'
    )
    for line in section.lines:
        yield _line(line, currency, names, zone)
    yield (
        f'<tr class="total"><td colspan="7">{TITLES[section.kind]}</td>'
        f'<td class="amount">{money(section.total_minor, currency)}</td></tr></tbody></table>'
    )


def _line(line: StatementLine, currency: str, names: Mapping[str, str], zone: tzinfo) -> str:
    one = line.transaction
    what = escape(one.sentence) + "".join(f" <em>(disputed: {escape(name)})</em>" for name in line.disputes)
    cells = (
        ("when", moment(one.about.occurred_at_ms, zone)), ("", what),
        ("", escape(party_name(line.counterparty, names))), ("", escape(reference(one.about))),
        ("amount", quantity(one.about)), ("entry", f"{one.posted_position}.{one.sequence}"),
        ("amount", money(line.tax_minor, currency) if line.tax_minor else ""),
        ("amount", money(line.amount_minor, currency)),
    )  # fmt: skip
    return f"<tr>{''.join(_cell(kind, text) for kind, text in cells)}</tr>"


def _cell(kind: str, text: str) -> str:
    return f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>"


def _disputed(found: tuple[DisputedLine, ...], currency: str, names: Mapping[str, str]) -> Iterator[str]:
    yield (
        "<table><thead><tr><th>Dispute</th><th>By</th><th>Why</th><th>What</th><th>Entry</th>"
        '<th class="amount">Amount</th></tr></thead><tbody>'
    )
    for each in found:
        one, dispute = each.line.transaction, each.dispute
        yield (
            f"<tr><td>{escape(dispute['dispute'])}</td><td>{escape(party_name(dispute['store'], names))}</td>"
            f"<td>{escape(dispute['text'])}</td><td>{escape(one.sentence)}</td>"
            f'<td class="entry">{one.posted_position}.{one.sequence}</td>'
            f'<td class="amount">{money(each.line.amount_minor, currency)}</td></tr>'
        )
    yield "</tbody></table>"
