"""Roles at the vault, their rights and their purposes: closed lists."""

from enum import StrEnum


class Role(StrEnum):
    """Roles at the vault.

    orders: takes orders, so it brings addresses in; routes: plans ways; carriers: drive; privacy: erases.
    """

    orders = "orders"
    routes = "routes"
    carriers = "carriers"
    privacy = "privacy"


class Purpose(StrEnum):
    """The purpose for which an address is opened."""

    plan_route = "plan_route"
    deliver = "deliver"


MAY_PUT = frozenset({Role.orders})
MAY_ERASE = frozenset({Role.orders, Role.privacy})
MAY_OPEN = {Purpose.plan_route: frozenset({Role.routes}), Purpose.deliver: frozenset({Role.carriers})}
