"""Finds problems of a list of valid rules: rules that are never used, and loops."""

from collections.abc import Iterator, Mapping

from bundles.web.routes.languages import are_disjoint, covers, sample_of
from bundles.web.routes.pattern import Token
from bundles.web.routes.rule import Rule
from bundles.web.routes.rule_table import RuleTable


def problems_of_rules(table: RuleTable) -> Iterator[str]:
    """Yield the problem of each rule that is never used, and of each loop that all requests of its
    rules enter."""
    for rule in table.rules:
        if (former := _hiding(rule, table)) is not None:
            yield (
                f"{rule.where}: rule {rule.route.url!r} is never used: rule {former}, which comes "
                f"first, matches all its requests; change their order, or remove one"
            )
    for loop in _loops(table):
        path = " → ".join(rule.route.url for rule in (*loop, loop[0]))
        yield (
            f"{loop[0].where}: rule {loop[0].route.url!r} can only loop: {path}; rewrite to a "
            f"path that no rule matches, or put a rule for that path first"
        )


def _hiding(rule: Rule, table: RuleTable) -> Rule | None:
    """Return the rule before *rule* that matches all its requests."""
    tokens = rule.pattern.tokens
    for former in table.matching(sample_of(tokens)):
        if former is rule:
            return None
        if former.has_methods_of(rule) and covers(former.pattern.tokens, tokens):
            return former
    return None


def _loops(table: RuleTable) -> Iterator[tuple[Rule, ...]]:
    """Yield the rules of each loop, once.

    The next rule of a rewritten request can only be the first one that matches a sample of it.
    Only if these rules form a loop, all texts are compared, which is expensive.
    """
    successors = {rule: next_ for rule in table.rules if (next_ := _likely_next(rule, table))}
    known: set[Rule] = set()
    for rule in successors:
        chain = _chain(rule, successors, known)
        known.update(chain)
        if chain and (again := successors.get(chain[-1])) in chain:
            loop = chain[chain.index(again) :]
            order = loop.index(min(loop, key=table.rules.index))
            if all(_is_next(one, successors[one], table) for one in loop):
                yield (*loop[order:], *loop[:order])


def _chain(rule: Rule, successors: Mapping[Rule, Rule], known: set[Rule]) -> tuple[Rule, ...]:
    """Return *rule* and its successors, up to the last one, or before one that is in the chain or
    in *known*."""
    chain: dict[Rule, None] = {}
    at: Rule | None = rule
    while at is not None and at not in chain and at not in known:
        chain[at] = None
        at = successors.get(at)
    return tuple(chain)


def _output(rule: Rule) -> tuple[Token, ...]:
    assert rule.template is not None
    return rule.template.tokens(rule.pattern)


def _likely_next(rule: Rule, table: RuleTable) -> Rule | None:
    """Return the rewriting rule that handles a sample of the paths to which *rule* rewrites."""
    if not rule.is_rewriting:
        return None
    for found in table.matching(sample_of(_output(rule))):
        if found.has_methods_of(rule):
            return found if found.is_rewriting else None
        if found.shares_method_with(rule):
            return None
    return None


def _is_next(rule: Rule, following: Rule, table: RuleTable) -> bool:
    """Whether *following* handles all paths to which *rule* rewrites."""
    output = _output(rule)
    if not covers(following.pattern.tokens, output):
        return False
    before = table.rules[: table.rules.index(following)]
    return all(
        not former.shares_method_with(rule) or are_disjoint(output, former.pattern.tokens)
        for former in before
    )
