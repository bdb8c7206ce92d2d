"""Rights in Kafka, role by role, made from the topics' declarations: who writes a topic and who reads it.

A role's processes log in as `commonshelf-ROLE`. Whoever is not named may do nothing; tills and shops have no login.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports them without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from commonshelf.stack.roles import DIRECTORY_GROUP, LEDGER_GROUP, RESTOCK_GROUP, ROLES
from messaging.client_options import ClientOptions
from messaging.errors import UserError
from schemas.topics import (
    CATALOG_ITEMS,
    DLQ_OUTCOMES,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POS_SALES,
    POS_STOCK,
    RESTOCK_ANSWERS,
    SETTLEMENT_POSTINGS,
    SETTLEMENT_STATEMENTS,
    TOPICS,
    dead_letter_topic,
)
from streams.settlement.store.publisher import TRANSACTIONAL_ID

PREFIX = "commonshelf-"
"""Of every login, consumer group and transactional id of ours."""
OPERATORS = "operators"
_TIMEOUT_S = 30.0
_POLL_S = 0.1
_WRITES_BESIDE = {
    "restock": (ORDERS_REQUESTS.name,), "connectors": (FULFILMENT_REPORTS.name,), "api": (RESTOCK_ANSWERS.name,),
}  # fmt: skip
"""Role → topics of other writers that it also writes: what was agreed to becomes a transfer, partners report who came,
and shopkeepers answer proposals.
"""
_READS_BESIDE = {
    "connectors": (
        POOL_CONFIG.name, CATALOG_ITEMS.name,
        dead_letter_topic(POS_SALES.name), dead_letter_topic(POS_STOCK.name), DLQ_OUTCOMES.name,
    ),
    "settlement": (SETTLEMENT_POSTINGS.name, SETTLEMENT_STATEMENTS.name),
}  # fmt: skip
"""Role → topics that it also reads: terms of what it reserves in a till's online channel, and lines that were set
aside, which a shop's folder lists; what it has published.
"""
_GROUPS = {"pool": LEDGER_GROUP, "restock": RESTOCK_GROUP, "directory": DIRECTORY_GROUP}
_TRANSACTIONS = {
    **_GROUPS, "settlement": TRANSACTIONAL_ID, "connectors": f"{PREFIX}connectors",
    "agents": f"{PREFIX}connectors",  # calls to partners are remembered as connectors' are
}  # fmt: skip


class AclError(UserError):
    """The rights cannot be read or set; the message says why."""


class Right(NamedTuple):
    """Allows a role one kind of act on a resource, from any host."""

    role: str
    resource: str
    """topic, group, transactional_id or cluster."""
    name: str
    operation: str
    is_prefix: bool = False

    def binding(self) -> AclBinding:
        """The right as Kafka's client has it."""
        pattern = ResourcePatternType.PREFIXED if self.is_prefix else ResourcePatternType.LITERAL
        kind = ResourceType.BROKER if self.resource == "cluster" else ResourceType[self.resource.upper()]
        return AclBinding(
            kind, self.name, pattern, f"User:{PREFIX}{self.role}", "*",
            AclOperation[self.operation.upper()], AclPermissionType.ALLOW,
        )  # fmt: skip


def roles() -> list[str]:
    """Every role that the topics name."""
    named = {topic.writer for topic in TOPICS.values()} | {role for topic in TOPICS.values() for role in topic.readers}
    return sorted(named)


def rights() -> list[Right]:
    """The rights of all roles, in order."""
    return sorted(set(_rights()))


def _rights() -> Iterator[Right]:
    for topic in TOPICS.values():
        yield Right(topic.writer, "topic", topic.name, "write")
        yield from (Right(role, "topic", topic.name, "read") for role in topic.readers)
        yield Right(OPERATORS, "topic", topic.name, "all")
    for beside, operation in ((_WRITES_BESIDE, "write"), (_READS_BESIDE, "read")):
        yield from (Right(role, "topic", name, operation) for role, names in beside.items() for name in names)
    for topic in TOPICS.values():
        if any(process.takes_in(topic) for process in ROLES):  # the exporter shows how far its group is behind
            yield Right("exporter", "topic", topic.name, "describe")
    for role in roles():
        yield Right(role, "group", _GROUPS.get(role, f"{PREFIX}{role}"), "read", is_prefix=True)
        # Also a reader that joins no group asks for its coordinator.
        yield Right(role, "group", PREFIX, "describe", is_prefix=True)
    for role, name in _TRANSACTIONS.items():
        yield Right(role, "transactional_id", name, "write", is_prefix=True)
    yield Right(OPERATORS, "group", PREFIX, "all", is_prefix=True)
    yield Right(OPERATORS, "transactional_id", PREFIX, "all", is_prefix=True)
    yield Right(OPERATORS, "cluster", "kafka-cluster", "describe")
    yield Right(OPERATORS, "cluster", "kafka-cluster", "alter")


class Changes(NamedTuple):
    """Changes that make the cluster's rights those of the list; what other logins have is left alone."""

    missing: list[AclBinding]
    surplus: list[AclBinding]


def changes(kafka_options: ClientOptions) -> Changes:
    """The difference between the cluster's rights and the list. Raises AclError."""
    found = _ours(_describe(_admin(kafka_options)))
    wanted = {_key(right.binding()): right.binding() for right in rights()}
    return Changes(
        [binding for key, binding in wanted.items() if key not in found],
        [binding for key, binding in found.items() if key not in wanted],
    )


def apply(kafka_options: ClientOptions, todo: Changes) -> None:
    """Add what is missing, then take away what is too much; return when the brokers know it. Raises AclError."""
    admin = _admin(kafka_options)
    try:
        if todo.missing:
            for done in admin.create_acls(todo.missing, request_timeout=_TIMEOUT_S).values():
                done.result(_TIMEOUT_S)
        if todo.surplus:
            filters = [_only(binding) for binding in todo.surplus]
            for done in admin.delete_acls(filters, request_timeout=_TIMEOUT_S).values():
                done.result(_TIMEOUT_S)
    except KafkaException as error:
        raise AclError(_why(error)) from error
    added, removed = ({_key(binding) for binding in part} for part in todo)
    deadline_s = time.monotonic() + _TIMEOUT_S
    while not (added <= (found := _ours(_describe(admin)).keys()) and removed.isdisjoint(found)):
        if time.monotonic() > deadline_s:
            raise AclError(
                "Kafka has taken the rights, and its brokers do not show them yet; see `./shelf acl apply --dry-run`"
            )
        time.sleep(_POLL_S)


def told(binding: AclBinding) -> tuple[str, str, str, str]:
    """Login, operation, kind and name, for people."""
    kind, operation = ResourceType(binding.restype), AclOperation(binding.operation)
    name = binding.name + ("*" if binding.resource_pattern_type is ResourcePatternType.PREFIXED else "")
    kind_name = "cluster" if kind is ResourceType.BROKER else kind.name.lower()
    return binding.principal.removeprefix("User:"), operation.name.lower(), kind_name, name


def _admin(kafka_options: ClientOptions) -> AdminClient:
    return AdminClient({**kafka_options, "log_level": 0})


def _describe(admin: AdminClient) -> list[AclBinding]:
    anybody: Any = None  # the client's types name no such thing, and its pages do
    anything = AclBindingFilter(
        ResourceType.ANY, anybody, ResourcePatternType.ANY, anybody, anybody, AclOperation.ANY, AclPermissionType.ANY
    )
    try:
        found: list[AclBinding] = admin.describe_acls(anything, request_timeout=_TIMEOUT_S).result(_TIMEOUT_S)
    except KafkaException as error:
        raise AclError(_why(error)) from error
    return found


def _ours(found: Iterable[AclBinding]) -> Mapping[tuple[object, ...], AclBinding]:
    return {_key(binding): binding for binding in found if binding.principal.startswith(f"User:{PREFIX}")}


def _only(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype, binding.name, binding.resource_pattern_type, binding.principal, binding.host,
        binding.operation, binding.permission_type,
    )  # fmt: skip


def _key(binding: AclBinding) -> tuple[object, ...]:
    return (
        binding.restype, binding.name, binding.resource_pattern_type, binding.principal, binding.host,
        binding.operation, binding.permission_type,
    )  # fmt: skip


def _why(error: KafkaException) -> str:
    return (
        f"Kafka does not show or set rights: {error.args[0].str()}; log in as one of its super.users or as "
        f"{PREFIX}{OPERATORS}, and see that authorizer.class.name is set on the brokers"
    )
