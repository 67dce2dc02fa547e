"""Applies the rules to requests."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from bundles.web.access.path_readings import may_lead_above
from bundles.web.files.web_files import FILE_PARAMETER
from bundles.web.routes.rule import Rule
from bundles.web.routes.rule_table import RuleTable
from bundles.web.routes.sent_path import SentPath
from rxkernel import (
    BadRequestException,
    HttpDefinition,
    LoopDetectedException,
    NotFoundException,
    RequestHead,
    Rewrite,
    URITooLongException,
)

_LONGEST = 8190
"""Most bytes of a target, the same as for targets that clients send."""

_PREFLIGHT = "Access-Control-Request-Method"

TARGET_PARAMETER = "web_target"
"""The parameter of the routes of forwarding rules: path and query for the other server."""

DefinitionOf = Callable[[Rule, str], HttpDefinition | None]
"""Returns the definition of a forwarding rule for a method."""


@attrs.frozen
class Applied:
    """A rule that was applied to a request, and its result.

    Attributes:
        sent: the path that the rule has matched.
        target: path and query after the rule.
        is_loop: whether the rule was applied to the request before.
    """

    rule: Rule
    sent: SentPath
    target: str
    is_loop: bool


@attrs.frozen(eq=False)
class RuleRewriter:
    """Rewrites by *table*; a `Rewriter`.

    Attributes:
        prefix: ``http.prefix``, which the rules do not have.
    """

    table: RuleTable
    prefix: str
    definition_of: DefinitionOf

    def __call__(self, head: RequestHead) -> Rewrite | None:
        sent = head.raw_path
        if sent[0] != "/" or "#" in sent:
            sent = head.rel_url.raw_path_qs or "/"
        method = method_of(head.method, head.headers)
        target: str | None = None
        for applied in self.applied(sent, method):
            if applied.is_loop:
                return Rewrite(sent, LoopDetectedException())
            if applied.rule.origin is not None:
                return self._forwarded(applied, target or sent, head.method)
            if applied.rule.template is not None:
                target = self.prefix + applied.target
                if len(target) > _LONGEST:
                    return Rewrite(sent, URITooLongException("the rewritten target is too long"))
        return None if target is None else Rewrite(target)

    def applied(self, sent: str, method: str) -> Iterator[Applied]:
        """Yield the rules for a request with the target *sent*, in the order in which they are
        applied. At a loop, the first rule of the loop is yielded again, as the last one."""
        if not sent.startswith(self.prefix):
            return
        path, _, query = sent[len(self.prefix) :].partition("?")
        path = path or "/"
        seen: list[Rule] = []
        while path[0] == "/" and (known := SentPath.of(path)) is not None:
            found = self.table.find(known.text, method)
            if found is None:
                return
            rule, match = found
            target = rule.target(known, match, query)
            is_loop = rule in seen
            yield Applied(rule, known, target, is_loop)
            if is_loop or not rule.is_rewriting:
                return
            seen.append(rule)
            path, _, query = target.partition("?")

    def _forwarded(self, applied: Applied, target: str, method: str) -> Rewrite:
        """Return the rewrite to the route of a forwarding rule. The target is not changed."""
        definition = self.definition_of(applied.rule, method)
        if definition is None:
            return Rewrite(target, NotFoundException())
        if _has_dots(applied.target):
            return Rewrite(target, BadRequestException("the path has a part . or .."))
        values: dict[str, Any] = {
            FILE_PARAMETER: unquote(applied.sent.raw)[1:],  # for the rules of access
            TARGET_PARAMETER: applied.target,
        }
        return Rewrite(target, (definition, values))


def method_of(method: str, headers: Mapping[str, str]) -> str:
    """Return the method for which rules are looked up: for a preflight request (Fetch Standard),
    the method of the request that follows."""
    return headers.get(_PREFLIGHT, method) if method == "OPTIONS" else method


def _has_dots(target: str) -> bool:
    """Whether the other server could read *target* as a path above the rule's."""
    sent = SentPath.of(target.partition("?")[0])
    return sent is None or may_lead_above(unquote(sent.raw))
