"""The settlement database: what the ledger posted, and the sink that fills it from the journal."""
