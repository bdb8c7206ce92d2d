"""Decisions of a pool: stock, orders, tasks, transfers and lending, an aggregate a folder."""
