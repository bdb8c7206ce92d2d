"""The first tables."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "settlement_heads",
        Column("pool", Text, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("appended_at_ms", BigInteger, nullable=False),
    )
    op.create_table(
        "settlement_ledger_rows",
        Column("pool", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("content", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "settlement_postings",
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
    op.create_index("settlement_postings_of_party", "settlement_postings", ["pool", "party", "window_ms"])
    op.create_table(
        "settlement_transactions",
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
    op.create_table(
        "settlement_unpriced",
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
    op.create_table(
        "settlement_windows",
        Column("pool", Text, primary_key=True),
        Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("end_ms", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("closed_at_ms", BigInteger, nullable=False),
        Column("agreement", Integer, nullable=False),
    )
