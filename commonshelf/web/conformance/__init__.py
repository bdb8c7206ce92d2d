"""The clauses that an implementation of the API must keep, tried from outside."""
