"""The page's rules as an integer program, for scipy's solver (HiGHS): an optimum found another way."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

from bench.allocation_rules import (
    Plan,
    cost_of,
    most_milli,
    most_stores,
    price,
    saved,
    share_cost,
    store_cost,
)
from bench.errors import BenchError
from streams.allocation import Case, Policy


def optimum(case: Case, policy: Policy, not_together: tuple[str, ...] = ()) -> int:
    """Least cost that the page allows, milli-minor: the solver's plan, counted exactly. Raises BenchError.

    With `not_together`, of the plans that do not use all of those stores.

    Columns: whether a store is used, whether it has a share of a line, how many steps of it; then the extra stores of
    the order and of each line, and whether anything is filled.
    """
    stores = [store for store in case.stores if any(most_milli(line, store, policy) for line in case.lines)]
    shares = [
        (row, column, most)
        for row, line in enumerate(case.lines)
        for column, store in enumerate(stores)
        if (most := most_milli(line, store, policy))
    ]
    if not shares:
        return _counted(case, policy, {})
    lines = len(case.lines)
    share_at, steps_at = len(stores), len(stores) + len(shares)
    extra_at = steps_at + len(shares)
    line_extra_at, filled_at = extra_at + 1, extra_at + 1 + lines
    columns = filled_at + 1

    cost = np.zeros(columns)
    upper = np.ones(columns)
    upper[extra_at:filled_at] = len(stores)
    for column, store in enumerate(stores):
        cost[column] = store_cost(case, store, policy)
    for number, (row, column, most) in enumerate(shares):
        line = case.lines[row]
        offer = stores[column].offers[line.sku]
        cost[share_at + number] = share_cost(offer, policy)
        cost[steps_at + number] = -(price(line, policy) + saved(line, offer, policy)) * line.step_milli
        upper[steps_at + number] = most // line.step_milli
    cost[extra_at] = 1000 * policy.split_minor_per_extra_store
    cost[line_extra_at:filled_at] = 1000 * policy.line_split_minor_per_extra_store

    rules: list[tuple[dict[int, float], float, float]] = []
    rules.append((dict.fromkeys(range(len(stores)), 1.0), 0, most_stores(case, policy)))
    rules.append(({**dict.fromkeys(range(len(stores)), 1.0), extra_at: -1.0}, -np.inf, 1))
    if not_together:
        banned = [column for column, store in enumerate(stores) if store.store in not_together]
        rules.append((dict.fromkeys(banned, 1.0), 0, len(banned) - 1))
    rules += [({column: 1.0, filled_at: -1.0}, -np.inf, 0) for column in range(len(stores))]
    for number, (row, column, most) in enumerate(shares):
        rules.append(({share_at + number: 1.0, column: -1.0}, -np.inf, 0))
        rules.append(
            ({steps_at + number: 1.0, share_at + number: -float(most // case.lines[row].step_milli)}, -np.inf, 0)
        )
    for row, line in enumerate(case.lines):
        numbers = [number for number, share in enumerate(shares) if share[0] == row]
        wanted = line.quantity_milli // line.step_milli
        steps = {steps_at + number: 1.0 for number in numbers}
        rules.append(({**steps, filled_at: -float(wanted)}, -np.inf if case.may_part_fill else 0, 0))
        rules.append(({**{share_at + number: 1.0 for number in numbers}, line_extra_at + row: -1.0}, -np.inf, 1))
    matrix = lil_array((len(rules), columns))
    for at, (coefficients, _, _) in enumerate(rules):
        for column, value in coefficients.items():
            matrix[at, column] = value
    lower_limits, upper_limits = [rule[1] for rule in rules], [rule[2] for rule in rules]
    result = milp(
        cost / 1000,
        integrality=np.ones(columns),
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(matrix.tocsr(), lower_limits, upper_limits),
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        raise BenchError(f"the integer program was not solved: {result.message}")
    plan = {}
    for number, (row, column, _) in enumerate(shares):
        steps_given = round(result.x[steps_at + number])
        if steps_given:
            plan[case.lines[row].line_id, stores[column].store] = steps_given * case.lines[row].step_milli
    return _counted(case, policy, plan)


def _counted(case: Case, policy: Policy, plan: Plan) -> int:
    cost = cost_of(case, policy, plan)
    if cost is None:
        raise BenchError("the integer program's plan breaks the page's rules: the program is wrong")
    return cost
