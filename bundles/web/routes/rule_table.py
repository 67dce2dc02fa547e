"""Finds the first rule for a request."""

import re
from collections.abc import Iterable, Iterator

import attrs

from bundles.web.routes.rule import Rule

_LONG = 100
"""Characters of a path above which its parts are checked first, since this is then faster."""

Found = tuple[Rule, re.Match[str]]


@attrs.frozen(eq=False)
class RuleTable:
    """The rules in their order.

    A request is compared with the rules whose literal beginning it has: rules without groups are
    found by their path, the others by their literal beginning up to its last slash. The cost grows
    with the number of the others that have the same beginning, such as all that begin with a
    group. The parts of a long path are checked first, so that its length matters little.
    """

    rules: tuple[Rule, ...]
    _literals: dict[str, list[int]] = attrs.field(init=False, factory=dict)
    _prefixes: dict[str, list[int]] = attrs.field(init=False, factory=dict)
    _depth: int = attrs.field(init=False)

    @_depth.default
    def _fill(self) -> int:
        for number, rule in enumerate(self.rules):
            literal = rule.pattern.literal
            if literal is not None:
                self._literals.setdefault(literal, []).append(number)
            else:
                self._prefixes.setdefault(rule.pattern.prefix, []).append(number)
        return max((prefix.count("/") for prefix in self._prefixes), default=0)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def find(self, text: str, method: str) -> Found | None:
        """Return the first rule for *text* of a `SentPath` and *method*."""
        best = len(self.rules)
        found: Found | None = None
        parts = text.split("/") if len(text) > _LONG else None
        for numbers in self._candidates(text):
            for number in numbers:
                if number >= best:
                    break
                rule = self.rules[number]
                if parts is not None and not rule.pattern.fits(parts):
                    continue
                if rule.has_method(method) and (match := rule.pattern.match(text)) is not None:
                    best, found = number, (rule, match)
                    break
        return found

    def matching(self, text: str) -> Iterator[Rule]:
        """Yield all rules for *text* and any method, in their order."""
        numbers = sorted(number for numbers in self._candidates(text) for number in numbers)
        for number in numbers:
            if self.rules[number].pattern.match(text) is not None:
                yield self.rules[number]

    def _candidates(self, text: str) -> Iterable[list[int]]:
        """Return the numbers of rules, each list sorted, that may match *text*."""
        candidates = []
        if (numbers := self._literals.get(text)) is not None:
            candidates.append(numbers)
        end = 0
        for _ in range(self._depth):
            end = text.find("/", end) + 1
            if not end:
                break
            if (numbers := self._prefixes.get(text[:end])) is not None:
                candidates.append(numbers)
        return candidates
