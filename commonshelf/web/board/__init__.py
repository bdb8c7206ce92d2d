"""The board: pages on which people see their pool and act in it, served by our HTTP process."""
