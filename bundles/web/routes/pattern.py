"""Patterns of paths: literals, ``(a|b)``, ``([^/]+)`` and ``(.*)``.

They are not regular expressions, so that the time of a comparison grows only with the length of
the path: a pattern has at most one ``(.*)``, one of ``(.*)`` and ``([^/]+)`` between two slashes,
and few groups with texts that begin with one another.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import prod
from typing import Self

import attrs

from bundles.web.routes.sent_path import SentPath
from bundles.web.routes.shape import Shape
from rxkernel import ConfigurationError

_PIECE = re.compile(r"\(([^()]*)\)|([^()]+)")
_NOT_LITERAL = re.compile(r"[*?#\\^$|\[\]{}]")
_PARAMETER = re.compile(r"/:([A-Za-z_]\w*)")
"""A parameter in the notation of other frameworks."""

_NOT_IN_GROUP = re.compile(r"[*+?\[\]{}^$\\#]")
_MOST_WAYS = 64
"""Most ways to match one path with the groups of a pattern: all are tried if none matches."""

_GRAMMAR = "write (.*) for anything, ([^/]+) for a part without a slash, or (a|b)"


class Wild(StrEnum):
    """A group that matches texts of any length."""

    ANY = ".*"
    SEGMENT = "[^/]+"


@attrs.frozen
class Token:
    """A part of a pattern: one of *texts*, or *wild* instead of them.

    Attributes:
        is_group: whether it is a numbered group.
    """

    texts: tuple[str, ...] = ()
    wild: Wild | None = None
    is_group: bool = True

    @property
    def expression(self) -> str:
        if self.wild is not None:
            return f"({self.wild})"
        found = "|".join(map(re.escape, self.texts))
        return f"({found})" if self.is_group else found

    @property
    def pieces(self) -> tuple[str, ...] | None:
        """Its texts in the form of `Shape.of`."""
        if self.wild is None:
            return self.texts
        return () if self.wild is Wild.ANY else None


@attrs.frozen(eq=False)
class Pattern:
    """The ``url`` of a rule.

    Attributes:
        text: as it is written.
    """

    text: str
    tokens: tuple[Token, ...]
    _compiled: re.Pattern[str]
    _shape: Shape

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pattern *text*; see the module for the notation.

        Raises:
            ConfigurationError: every problem.
        """
        problems = list(_problems_of(text))
        tokens: list[Token] = []
        if not problems:
            for group, literal in _PIECE.findall(text):
                token = _literal(literal) if literal else _group(group)
                if isinstance(token, Token):
                    tokens.append(token)
                else:
                    problems.append(token)
        problems = problems or list(_problems_of_tokens(tokens))
        if problems:
            raise ConfigurationError(*problems)
        expression = "".join(token.expression for token in tokens)
        shape = Shape.of(token.pieces for token in tokens)
        return cls(text, tuple(tokens), re.compile(expression, re.DOTALL), shape)

    @property
    def groups(self) -> tuple[Token, ...]:
        return tuple(token for token in self.tokens if token.is_group)

    @property
    def literal(self) -> str | None:
        """The path, if the pattern has no groups."""
        return None if self.groups else "".join(token.texts[0] for token in self.tokens)

    @property
    def prefix(self) -> str:
        """The literal beginning, up to its last slash."""
        first = self.tokens[0].texts[0]
        return first[: first.rindex("/") + 1]

    def fits(self, parts: Sequence[str]) -> bool:
        """Whether the path of *parts*, split at its slashes, may match. The time does not depend
        on the length of the parts."""
        return self._shape.fits(parts)

    def match(self, text: str) -> re.Match[str] | None:
        """Compare *text* of a `SentPath` with the whole pattern."""
        return self._compiled.fullmatch(text)


def _problems_of(text: str) -> list[str]:
    if not text.startswith("/"):
        return ["must begin with /, as in /news/(.*)"]
    rest = _PIECE.sub("", text)
    if rest:
        return [f"has a parenthesis without its pair, or in another group; {_GRAMMAR}"]
    return []


def _literal(text: str) -> Token | str:
    if (found := _NOT_LITERAL.search(text)) is not None:
        if found[0] in "?#":
            return f"has {found[0]!r}; remove it: a rule compares only the path, the query is kept"
        return f"has {found[0]!r} outside of a group; {_GRAMMAR}"
    if (found := _PARAMETER.search(text)) is not None:
        name = found[1]
        return (
            f"has ':{name}', which is not a group; write ([^/]+) for a part without a slash, or "
            f"%3A{name} for this text"
        )
    sent = SentPath.of(text)
    if sent is None:
        return "is not a valid path; write % with two hexadecimal digits, encoding UTF-8"
    return Token((sent.text,), is_group=False)


def _group(body: str) -> Token | str:
    if body in (Wild.ANY, Wild.SEGMENT):
        return Token(wild=Wild(body))
    texts = [SentPath.of(text) for text in body.split("|")]
    if _NOT_IN_GROUP.search(body) or not all(texts) or any(s and not s.text for s in texts):
        return f"has the group ({body}); {_GRAMMAR}"
    return Token(tuple(sent.text for sent in texts if sent is not None))


def _problems_of_tokens(tokens: list[Token]) -> list[str]:
    found: list[str] = []
    wild = [token.wild for token in tokens if token.wild is not None]
    if wild.count(Wild.ANY) > 1:
        found.append("has more than one (.*); write ([^/]+) for the others")
    in_segment = 0
    for token in tokens:
        if token.wild is not None:
            in_segment += 1
        elif not token.is_group and "/" in token.texts[0]:
            in_segment = 0
        if in_segment > 1 and not found:
            found.append("has two of (.*) and ([^/]+) without a / between them")
    if prod(map(_ways, tokens)) > _MOST_WAYS:
        found.append(
            f"has groups such as (a|ab), with texts that begin with one another, so one path "
            f"could match in more than {_MOST_WAYS} ways; write fewer such groups in one rule"
        )
    return found


def _ways(token: Token) -> int:
    """The most texts of *token* that may match at one position of a path."""
    counts = Counter(token.texts)
    beginnings = ((each[:end] for end in range(1, len(each) + 1)) for each in counts)
    return max((sum(counts[text] for text in texts) for texts in beginnings), default=1)
