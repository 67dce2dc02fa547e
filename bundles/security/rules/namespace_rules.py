"""The rules of namespaces, for connecting and for each event."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
from injector import inject

from bundles.security.rules.access import Access, rule_of
from bundles.security.rules.rules import Rules
from bundles.security.token import Token
from rxkernel import ConfigurationError, Connection, Request


@attrs.frozen
class DeclaredRules:
    """The rules that are given to `SecurityBundle`."""

    default: object = None
    connect: Mapping[str, object] = MappingProxyType({})


class NamespaceRules:
    """The rules of `DeclaredRules.connect`.

    Attributes:
        by_namespace: the rules, by namespaces and templates of namespaces.
        errors: the problems of the invalid rules, which are left out; `ConnectRules` raises them.
    """

    @inject
    def __init__(self, declared: DeclaredRules, rules: Rules) -> None:
        self._decide = rules.decide
        self.errors: list[ConfigurationError] = []
        found: dict[str, Access] = {}
        for namespace, given in declared.connect.items():
            place = f"SecurityBundle(connect={{{namespace!r}: …}})"
            try:
                found[namespace] = rules.compile(rule_of(given), place)
            except ConfigurationError as error:
                self.errors.append(error)
        self.by_namespace: Mapping[str, Access] = MappingProxyType(found)

    def find(self, connection: Connection) -> Access | None:
        """The rule of the namespace of *connection*, or of the template that the namespace
        matches."""
        rule = self.by_namespace.get(connection.namespace)
        return self.by_namespace.get(connection.route_namespace) if rule is None else rule

    def is_guarded(self, connection: Connection) -> bool:
        """Whether anonymous clients may not be connected to its namespace."""
        rule = self.find(connection)
        return rule is not None and rule.level != "public"

    async def check(self, connection: Connection, token: Token[Any], request: Request) -> None:
        """Return if a client with *token* may be connected, and may send *request*.

        Raises:
            Unauthenticated, ForbiddenException: see `Rules.decide`.
        """
        if (rule := self.find(connection)) is not None:
            await self._decide(rule, token, request)
