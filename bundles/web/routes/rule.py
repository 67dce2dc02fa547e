"""A checked rule."""

import re
from typing import Any

import attrs

from bundles.web.routes.origin import Origin, origin_of
from bundles.web.routes.pattern import Pattern
from bundles.web.routes.route import Route
from bundles.web.routes.sent_path import SentPath
from bundles.web.routes.template import Template
from rxkernel import ConfigurationError, ListedRule
from rxkernel.routing.metadata import METHODS


@attrs.frozen(eq=False)
class Rule:
    """A rule of the list.

    Attributes:
        where: the place where it is written, for messages.
        template: the new path; None: the path stays.
        origin: the server to which it forwards; None: this server.
        methods: of the rule; empty: all.
    """

    route: Route
    where: str
    pattern: Pattern
    template: Template | None
    origin: Origin | None
    methods: frozenset[str]

    def has_method(self, method: str) -> bool:
        return not self.methods or method in self.methods

    def has_methods_of(self, other: "Rule") -> bool:
        """Whether it has all methods of *other*."""
        return not self.methods or (bool(other.methods) and self.methods >= other.methods)

    def shares_method_with(self, other: "Rule") -> bool:
        return not (self.methods and other.methods and self.methods.isdisjoint(other.methods))

    @property
    def is_rewriting(self) -> bool:
        """Whether another path of this server is handled."""
        return self.template is not None and self.origin is None

    def target(self, sent: SentPath, match: re.Match[str], query: str) -> str:
        """Return path and query of the request that is handled instead of *sent*."""
        if self.template is not None:
            return self.template.fill(sent, match, query)
        return f"{sent.raw}?{query}" if query else sent.raw

    @property
    def listed(self) -> ListedRule:
        path = "" if self.template is None else self.template.text
        target = path if self.origin is None else f"{self.origin.url}{path}"
        return ListedRule(
            ", ".join(sorted(self.methods)) or "*", self.route.url, target, self.where
        )

    def __str__(self) -> str:
        return f"{self.route.url} ({self.where})"


def rule_of(route: Route, where: str) -> Rule:
    """Check *route*.

    Raises:
        ConfigurationError: every problem.
    """
    problems: list[str] = []
    pattern = _pattern(route.url, problems)
    origin = origin_of(route, problems)
    template = _template(route, pattern, origin, problems)
    methods = _methods(route.methods, problems)
    slow = route.slow_time
    if slow is not None and not (type(slow) in (int, float) and 0 < slow < float("inf")):
        problems.append(f"slow_time is {slow!r}; it must be a number of seconds greater than 0")
    if problems or pattern is None:
        name = f"rule {route.url!r} " if isinstance(route.url, str) else "rule "
        raise ConfigurationError(*(f"{where}: {name}{problem}" for problem in problems))
    return Rule(route, where, pattern, template, origin, methods)


def _pattern(url: Any, problems: list[str]) -> Pattern | None:
    if not isinstance(url, str):
        problems.append(f"has the url {url!r}; it must be a str, such as '/news/(.*)'")
        return None
    try:
        return Pattern.parse(url)
    except ConfigurationError as error:
        problems += error.problems
        return None


def _template(
    route: Route, pattern: Pattern | None, origin: Origin | None, problems: list[str]
) -> Template | None:
    text, name = route.rewrite, "rewrite"
    if origin is not None and origin.path is not None:
        if text is not None:
            problems.append("has rewrite, and target has a path; write one of them")
        text, name = origin.path, "target"
    if text is None or pattern is None:
        return None
    if not isinstance(text, str):
        problems.append(f"rewrite is {text!r}; it must be a str, such as '/news/[1]'")
        return None
    try:
        return Template.parse(text, pattern)
    except ConfigurationError as error:
        problems += (f"{name} {text!r} {problem}" for problem in error.problems)
        return None


def _methods(given: Any, problems: list[str]) -> frozenset[str]:
    is_list = isinstance(given, list | tuple | set | frozenset)
    if not is_list or not all(isinstance(each, str) for each in given):
        problems.append(f"methods is {given!r}; it must be a list, such as ['GET', 'POST']")
        return frozenset()
    for unknown in sorted({*given} - {*METHODS}):
        problems.append(f"has the method {unknown!r}; it must be one of {', '.join(METHODS)}")
    return frozenset(given) | ({"HEAD"} if "GET" in given else frozenset())
