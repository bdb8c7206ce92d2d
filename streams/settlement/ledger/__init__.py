"""The ledger of one pool: pure, from journal entries to balanced double-entry transactions."""
