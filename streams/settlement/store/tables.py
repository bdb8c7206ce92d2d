"""Tables of the settlement database. `migrations` makes them; a test holds the two alike."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

metadata = MetaData()

heads = Table(
    "settlement_heads",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("appended_at_ms", BigInteger, nullable=False),
)
"""How far each pool's journal is posted, and when its newest cause reached the broker."""

transactions = Table(
    "settlement_transactions",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("posted_position", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("posted_at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at_ms", BigInteger, nullable=False),
    Column("store", Text),
    Column("order_id", Text),
    Column("transfer", Text),
    Column("sku", Text),
    Column("quantity_milli", BigInteger),
    Column("dispute", Text),
    Column("window_ms", BigInteger, nullable=False),
    Column("belongs_to_ms", BigInteger, nullable=False),
    Column("agreement", Integer, nullable=False),
    Column("corrects_position", BigInteger),
    Column("corrects_sequence", Integer),
    Column("sentence", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""`entries.Transaction` without its postings; `posted_at_ms` is when the entry's cause reached the broker."""

postings = Table(
    "settlement_postings",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("posted_position", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("party", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("counterparty", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("window_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("settlement_postings_of_party", postings.c.pool, postings.c.party, postings.c.window_ms)

unpriced = Table(
    "settlement_unpriced",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at_ms", BigInteger, nullable=False),
    Column("store", Text),
    Column("order_id", Text),
    Column("transfer", Text),
    Column("sku", Text),
    Column("quantity_milli", BigInteger),
    Column("dispute", Text),
    Column("known_position", BigInteger, nullable=False),
    Column("priced_position", BigInteger),
)
"""Facts that could not be priced: known as such from one journal position on, and priced at another, if they are."""

windows = Table(
    "settlement_windows",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger, nullable=False),
    Column("agreement", Integer, nullable=False),
)
"""Windows that closed, and when the tick that closed them reached the broker."""

ledger_rows = Table(
    "settlement_ledger_rows",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The ledger's memory, row by row: what it goes on from after a start."""
