"""The list of dashboards."""

from messaging.metrics.dashboards.board import Board
from messaging.metrics.dashboards.engine import CONNECTORS, ENGINE
from messaging.metrics.dashboards.orders import ORDERS, SETTLEMENT
from messaging.metrics.dashboards.pools import POOLS, STORES

BOARDS: tuple[Board, ...] = (POOLS, STORES, CONNECTORS, ENGINE, ORDERS, SETTLEMENT)
