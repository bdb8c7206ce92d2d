"""A handoff manifest as a page that prints: each handoff with its code as a QR, and room to sign."""

from datetime import datetime
from html import escape
from itertools import groupby

import segno

from commonshelf.desks.manifest import Handoff, Manifest
from commonshelf.text import units

_STYLE = """
@page { size: A4; margin: 16mm 14mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
body { font: 10pt/1.45 "DejaVu Sans", "Liberation Sans", sans-serif; color: #1b1b1b; max-width: 190mm; margin: 2em auto;
  padding: 0 1em; }
h1 { font-size: 17pt; margin: 0; } h2 { font-size: 13pt; margin: 1.6em 0 .4em; break-after: avoid; }
h3 { font-size: 11pt; margin: 0; overflow-wrap: anywhere; } p { margin: .2em 0 .5em; }
article { border: 1px solid #666; padding: .7em .9em; margin: 0 0 .9em; break-inside: avoid; display: flex; gap: 1em; }
article div.what { flex: 1; min-width: 0; } svg { width: 27mm; height: 27mm; }
table { width: 100%; border-collapse: collapse; } th { text-align: left; font-weight: 600; font-size: 8.5pt; }
td, th { padding: .2em .5em .2em 0; border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere; }
td.units, th.units { text-align: right; white-space: nowrap; padding-right: 0; }
.sign { margin-top: 1.4em; } .sign span { display: inline-block; width: 45%; border-top: 1px solid #1b1b1b;
  margin-right: 4%; font-size: 8.5pt; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""


def manifest_html(manifest: Manifest) -> str:
    """The whole page. It has no addresses."""
    count = len(manifest.handoffs)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>Handoffs of {escape(manifest.pool)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>Handoffs of {escape(manifest.pool)}</h1>",
        f"<p>{_said(manifest.made_at)}: {count} to hand over. Scan each code as the goods leave the store.</p>",
    ]
    for (store, name), handoffs in groupby(manifest.handoffs, key=lambda one: (one.store, one.store_name)):
        parts.append(f"<h2>{escape(name)}</h2>\n<p>Store {escape(store)}</p>")
        parts += [_handoff(one) for one in handoffs]
    return "\n".join([*parts, "</body>\n</html>\n"])


def _handoff(one: Handoff) -> str:
    lines = "".join(
        f'<tr><td>{escape(line.name)}</td><td>{escape(line.sku)}</td><td class="units">'
        f"{units(line.quantity_milli)}</td></tr>"
        for line in one.lines
    )
    code = segno.make(one.code, micro=False).svg_inline(omitsize=True, light="#fff")
    near = f", near {escape(one.geohash)}" if one.geohash else ""
    return (
        f'<article>{code}<div class="what"><h3>{escape(one.code)}</h3>\n'
        f"<p>Order {escape(one.order)}, deliver by {_said(one.deliver_by)}{near}</p>\n"
        '<table><thead><tr><th scope="col">Item</th><th scope="col">SKU</th><th scope="col" class="units">Units</th>'
        f"</tr></thead><tbody>{lines}</tbody></table>\n"
        '<p class="sign"><span>Handed over</span><span>Taken</span></p></div></article>'
    )


def _said(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M}"
