"""Settlement for people: statements, payments, evidence, disputes, from the ledger of a pool."""
