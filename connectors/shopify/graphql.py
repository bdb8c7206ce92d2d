"""The queries to Shopify's GraphQL Admin API, and their answers in the form that webhooks have. Pure.

Sizes keep each query below the 1,000 points that one may cost (shopify.dev/docs/api/usage/rate-limits); what does not
fit a page of lines is asked for by its own query.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.vendor.fields import Json, inner

_LINES = """
  pageInfo { hasNextPage endCursor }
  nodes {
    id sku title quantity currentQuantity requiresShipping isGiftCard
    variant { id inventoryItem { tracked } }
    originalUnitPriceSet { shopMoney { amount } }
    discountAllocations { allocatedAmountSet { shopMoney { amount } } }
  }
"""
ORDERS = f"""
query CommonshelfOrders($query: String!, $after: String) {{
  orders(first: 10, after: $after, query: $query, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      id test createdAt processedAt updatedAt cancelledAt edited currencyCode sourceIdentifier
      displayFinancialStatus displayFulfillmentStatus
      retailLocation {{ id }}
      refunds {{ id createdAt }}
      lineItems(first: 20) {{ {_LINES} }}
    }}
  }}
}}
"""
ORDER_LINES = f"""
query CommonshelfOrderLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 100, after: $after) {{ {_LINES} }} }}
}}
"""
REFUND_LINES = """
query CommonshelfRefundLines($id: ID!, $after: String) {
  refund(id: $id) {
    refundLineItems(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id quantity restockType location { id } subtotalSet { shopMoney { amount } } lineItem { id } }
    }
  }
}
"""
LOCATIONS = """
query CommonshelfLocations {
  locations(first: 50) { nodes { id name isActive } }
}
"""
VARIANTS = """
query CommonshelfVariants($after: String) {
  productVariants(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id sku barcode displayName }
  }
}
"""
_ITEM = "id sku tracked variant { id }"
LEVELS = f"""
query CommonshelfLevels($location: ID!, $names: [String!]!, $query: String, $after: String) {{
  location(id: $location) {{
    inventoryLevels(first: 50, after: $after, query: $query) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ updatedAt quantities(names: $names) {{ name quantity }} item {{ {_ITEM} }} }}
    }}
  }}
}}
"""
ITEM = f"""
query CommonshelfItem($id: ID!) {{
  inventoryItem(id: $id) {{ {_ITEM} }}
}}
"""
LEVEL = f"""
query CommonshelfLevel($id: ID!, $location: ID!, $names: [String!]!) {{
  inventoryItem(id: $id) {{
    inventoryLevel(locationId: $location) {{
      updatedAt quantities(names: $names) {{ name quantity }} item {{ {_ITEM} }}
    }}
  }}
}}
"""
VARIANTS_OF_SKU = """
query CommonshelfVariantsOfSku($query: String!) {
  productVariants(first: 10, query: $query) { nodes { sku inventoryItem { id } } }
}
"""
VARIANT = """
query CommonshelfVariant($id: ID!) {
  productVariant(id: $id) { inventoryItem { id } }
}
"""
MOVE = """
mutation CommonshelfMove($input: InventoryMoveQuantitiesInput!, $key: String!) {
  inventoryMoveQuantities(input: $input) @idempotent(key: $key) { userErrors { code field } }
}
"""
_FULFILLED = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}


def gid(resource: str, plain_id: str) -> str:
    """Shopify's global id of a resource: gid://shopify/Order/1."""
    return f"gid://shopify/{resource}/{plain_id}"


def plain_id(node: Json) -> str:
    """The number in a node's global id; empty when it has none."""
    found = node.get("id")
    return found.rpartition("/")[2].partition("?")[0] if isinstance(found, str) else ""


def order_of(node: Json, lines: Iterable[Json], refunds: Sequence[Json]) -> dict[str, Any]:
    """An order as webhooks have it, from its node, all its lines, and its refunds as `refund_of` makes them."""
    return {
        "id": plain_id(node),
        "test": node.get("test"),
        "created_at": node.get("createdAt"),
        "processed_at": node.get("processedAt"),
        "updated_at": node.get("updatedAt"),
        "cancelled_at": node.get("cancelledAt"),
        "edited": node.get("edited"),
        "source_identifier": node.get("sourceIdentifier"),
        "currency": node.get("currencyCode"),
        "financial_status": node.get("displayFinancialStatus"),
        "fulfillment_status": _FULFILLED.get(str(node.get("displayFulfillmentStatus"))),
        "location_id": plain_id(inner(node, "retailLocation")) or None,
        "line_items": [_line_of(line) for line in lines],
        "refunds": list(refunds),
    }


def refund_of(node: Json, lines: Iterable[Json]) -> dict[str, Any]:
    """A refund as orders have it in webhooks, from its node and all its lines."""
    return {
        "id": plain_id(node),
        "created_at": node.get("createdAt"),
        "refund_line_items": [
            {
                "id": plain_id(line),
                "quantity": line.get("quantity"),
                "restock_type": line.get("restockType"),
                "location_id": plain_id(inner(line, "location")) or None,
                "subtotal": inner(inner(line, "subtotalSet"), "shopMoney").get("amount"),
                "line_item_id": plain_id(inner(line, "lineItem")),
            }
            for line in lines
        ],
    }


def level_of(node: Json, location_id: str) -> dict[str, Any]:
    """An inventory level as webhooks have it; of several quantities asked for, the sum."""
    item = inner(node, "item")
    quantities = [each.get("quantity") for each in node.get("quantities") or [{}]]
    return {
        "inventory_item_id": plain_id(item),
        "location_id": location_id,
        "available": None if item.get("tracked") is False or None in quantities else sum(quantities),
        "updated_at": node.get("updatedAt"),
    }


def _line_of(node: Json) -> dict[str, Any]:
    variant = inner(node, "variant")
    discounts = [
        inner(inner(each, "allocatedAmountSet"), "shopMoney") for each in node.get("discountAllocations") or ()
    ]
    return {
        "id": plain_id(node),
        "sku": node.get("sku"),
        "title": node.get("title"),
        "quantity": node.get("quantity"),
        "current_quantity": node.get("currentQuantity"),
        "requires_shipping": node.get("requiresShipping"),
        "gift_card": node.get("isGiftCard"),
        "variant_id": plain_id(variant) or None,
        "variant_inventory_management": "shopify" if inner(variant, "inventoryItem").get("tracked") else None,
        "price": inner(inner(node, "originalUnitPriceSet"), "shopMoney").get("amount"),
        "discount_allocations": [{"amount": each.get("amount")} for each in discounts],
    }
