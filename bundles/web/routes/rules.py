"""The rules of a site: read with each snapshot, and applied when it becomes current."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from bundles.autoload import Snapshot
from bundles.web.routes.forwarding import Forwarding
from bundles.web.routes.rewriter import RuleRewriter
from bundles.web.routes.rule import Rule
from bundles.web.routes.rule_checks import problems_of_rules
from bundles.web.routes.rule_file import NAME, checked, rules_of
from bundles.web.routes.rule_table import RuleTable
from bundles.web.routes.slow_log import SlowLog
from rxkernel import ConfigurationError, HttpMetadata, HttpServer, Kernel
from rxkernel.routing.metadata import METHODS


@attrs.frozen(eq=False)
class RuleSet:
    """The rules of one snapshot.

    Attributes:
        file: the file of rules in the snapshot; None without such a file.
        routes: of the forwarding rules.
        names: of these routes, by rule and method.
    """

    table: RuleTable
    file: Any
    routes: tuple[HttpMetadata, ...]
    names: Mapping[tuple[Rule, str], str]


class Rules:
    """Reads the rules, and sets them in the server.

    Args:
        routes: the rules that were given in code; they come before the rules of the file.
        forwarding_of: returns the action of a forwarding rule.
        server: returns the HTTP server.
    """

    def __init__(
        self,
        routes: Iterable[Any],
        kernel: Kernel,
        slow_log: SlowLog,
        forwarding_of: Callable[[Rule], Forwarding],
        *,
        prefix: str,
        server: Callable[[], HttpServer],
    ) -> None:
        self._routes = tuple(routes)
        self._kernel = kernel
        self._slow_log = slow_log
        self._forwarding_of = forwarding_of
        self._prefix = prefix
        self._server = server

    def read(
        self, snapshot: Snapshot, before: RuleSet | None, options: Mapping[str, Any]
    ) -> RuleSet:
        """Return the rules of *snapshot*.

        Args:
            before: the current rules; unchanged parts are taken from them.
            options: of the routes of forwarding rules.

        Raises:
            ConfigurationError: every problem.
        """
        file = snapshot.files.get(snapshot.tree.names.get(NAME, ""))
        if before is not None and before.file is file:
            table = before.table
        else:
            table = self._table(snapshot)
        routes: dict[tuple[Rule, str], HttpMetadata] = {}
        taken: set[str] = set()
        known = {} if before is None else {route.name: route for route in before.routes}
        for rule in table.rules:
            for route in self._routes_of(rule, options):
                if route.name not in taken:
                    taken.add(route.name)
                    found = known.get(route.name)
                    routes[rule, route.http_method] = (
                        found if found is not None and _is_same(found, route) else route
                    )
        names = {key: route.name for key, route in routes.items()}
        return RuleSet(table, file, tuple(routes.values()), names)

    def _table(self, snapshot: Snapshot) -> RuleTable:
        problems: list[str] = []
        rules: list[Rule] = []
        for number, route in enumerate(self._routes, 1):
            rules += checked(route, f"WebBundle(routes=…), rule {number}", problems)
        rules += rules_of(snapshot, problems)
        table = RuleTable(tuple(rules))
        problems += problems_of_rules(table)
        if table and self._server().port is None:
            problems.append(
                f"{rules[0].where}: rules have no effect if the application is mounted in one of "
                f"aiohttp; remove them, or start the server of rxkernel instead"
            )
        if problems:
            raise ConfigurationError(*dict.fromkeys(problems))
        return table

    def _routes_of(self, rule: Rule, options: Mapping[str, Any]) -> Iterator[HttpMetadata]:
        if rule.origin is None:
            return
        forwarding = self._forwarding_of(rule)
        for method in METHODS:
            if method == "HEAD" and rule.has_method("GET"):
                continue  # the route of GET
            if rule.has_method(method):
                yield HttpMetadata(
                    forwarding,
                    f"{method} {rule.route.url} proxy",
                    rule.route.url,
                    method,
                    "forward",
                    options,
                    routed=False,
                    source=rule.where,
                )

    def swapped(self, rules: RuleSet) -> None:
        """Apply *rules* from now on."""
        rewriter = RuleRewriter(rules.table, self._prefix, _Definitions(self._kernel, rules.names))
        self._slow_log.use(rewriter)
        listed = [rule.listed for rule in rules.table.rules]
        self._server().rewrite(rewriter if listed else None, listed)


@attrs.frozen
class _Definitions:
    """Finds the definition of a forwarding rule."""

    kernel: Kernel
    names: Mapping[tuple[Rule, str], str]

    def __call__(self, rule: Rule, method: str) -> Any:
        name = self.names.get((rule, "GET" if method == "HEAD" else method))
        name = name or self.names.get((rule, method))
        return None if name is None else self.kernel.http_definitions.get(name)


def _is_same(one: HttpMetadata, other: HttpMetadata) -> bool:
    return (
        one.target.rule is other.target.rule
        and one.http_method == other.http_method
        and one.options.get("access") is other.options.get("access")
    )
