"""Settlement: the debts between stores, to the cent, from the journal alone."""
