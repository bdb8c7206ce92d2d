"""Restock: from what sold, and what is known ahead, to small explained proposals. docs/restock.md has the rules.

Rooms that meet only by the types named here, all pure but for `processor`:

- `forecast`: `State` (what a pool has learned), `learn(layout, kinds, state, sales)` → the next day's state,
  `predict(layout, kinds, state, days)` → `Demand` (mean, variance and the chance that the shelf still sells the item).
- `calendar`: `read_csv`, `read_icalendar`, `public_holidays` → `Event`s and what is wrong with a file;
  `Occasions(events, kinds, shelves).on(date)` → the occasions of a `Day` that a forecast takes, by `kinds_of(events)`.
- `decision`: `newsvendor.gains(terms, chances …)` → what each unit of stock is worth; `stock.stock_position(lots, …)` →
  what counts of it; `transfers.best_moves` → moves between stores; `packs.choose_packs` → an order to a supplier;
  `drops.split` → a limited edition's parts.
- `forecast.distribution`: `quantiles(demand, permille)`, `survival(demand, units)`; whole steps of an item's unit.
- `history`: `fold` and `take_past_sale` → `PoolHistory`, a pool's days and stock; `Learner`, its forecast.
- `planning`: `known_ahead(history, layout, state)` → `Ahead`; `plan(history, ahead, runs, pledged)` → proposals;
  `answer` → what follows from an answer.
- `processor`: bytes in, bytes out, for the ledger lane.
"""
