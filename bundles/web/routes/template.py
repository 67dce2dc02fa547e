"""The new path of a rule, and perhaps a query, with the groups of its pattern."""

import re
from collections.abc import Iterable
from typing import Self
from urllib.parse import quote, unquote

import attrs

from bundles.web.routes.pattern import Pattern, Token
from bundles.web.routes.sent_path import SentPath
from rxkernel import ConfigurationError

_REFERENCE = re.compile(r"\[(\d+)\]")
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

Part = str | int
"""A literal, percent-encoded; or the number of a group, from 0."""


@attrs.frozen
class Template:
    """The ``rewrite`` of a rule.

    Attributes:
        path, query: the parts of each.
    """

    text: str
    path: tuple[Part, ...]
    query: tuple[Part, ...]

    @classmethod
    def parse(cls, text: str, pattern: Pattern) -> Self:
        """Return the template *text*, such as ``/news/[1]``, with the groups of *pattern*.

        Raises:
            ConfigurationError: every problem.
        """
        problems = list(_problems_of(text, len(pattern.groups)))
        if problems:
            raise ConfigurationError(*problems)
        path, _, query = text.partition("?")
        return cls(text, tuple(_parts(path)), tuple(_parts(query)))

    def fill(self, sent: SentPath, match: re.Match[str], query: str) -> str:
        """Return path and query for the path *sent*, to which *match* belongs. *query* is the
        query of the request; it is appended to that of the template."""
        groups = [sent.sent(*match.span(number)) for number in range(1, match.re.groups + 1)]
        path = "".join(_in_path(groups[p]) if isinstance(p, int) else p for p in self.path)
        own = "".join(_in_query(groups[p]) if isinstance(p, int) else p for p in self.query)
        both = "&".join(filter(None, (own, query)))
        return f"{path}?{both}" if both else path

    def tokens(self, pattern: Pattern) -> tuple[Token, ...]:
        """Return the tokens of a pattern that matches all paths that `fill` may return."""
        texts = (p if isinstance(p, int) else SentPath.of(p) for p in self.path)
        return tuple(
            pattern.groups[text] if isinstance(text, int) else Token((text.text,), is_group=False)
            for text in texts
            if text is not None
        )


def _problems_of(text: str, groups: int) -> Iterable[str]:
    if not text.startswith("/"):
        yield "must begin with /, as in /news/[1]"
    if "#" in text:
        yield "has '#'; remove it: a request has no fragment"
    if _MALFORMED.search(text) or SentPath.of(text.partition("?")[0]) is None:
        yield "is not a valid path; write % with two hexadecimal digits, encoding UTF-8"
    for number in dict.fromkeys(_REFERENCE.findall(text)):
        if not 1 <= int(number) <= groups:
            known = f"the groups [1] to [{groups}]" if groups else "no groups"
            yield f"has [{number}], but url has {known}"
    rest = _REFERENCE.sub("", text)
    if "[" in rest or "]" in rest or "(" in rest:
        yield "has a bracket; write the groups of url as [1], [2] …, in their order"


def _parts(text: str) -> Iterable[Part]:
    for number, part in enumerate(_REFERENCE.split(text)):
        if number % 2:
            yield int(part) - 1
        elif part:
            yield quote(part, safe=_PRINTABLE)


def _in_path(sent: str) -> str:
    return sent if sent.isascii() else quote(sent, safe=_PRINTABLE)


def _in_query(sent: str) -> str:
    return quote(unquote(sent), safe="")
