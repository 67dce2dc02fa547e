"""From a method and a raw path to a target, at a cost that does not grow with the routes.

Paths without parameters are one dictionary look-up. Templates form a tree of segments, in
which templates of the same beginning share their nodes.
"""

import re
from bisect import insort
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar
from urllib.parse import unquote

import attrs

from rxkernel.exceptions import (
    BadRequestException,
    ConfigurationError,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.routing.converters import PATH, STR
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.segment import Segment

T = TypeVar("T")
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")


@attrs.frozen(eq=False)
class _Route(Generic[T]):
    target: T
    parameters: tuple[tuple[str, Callable[[str], object]], ...]


@attrs.define(eq=False)
class _Node(Generic[T]):
    """One place in the tree; its alternatives are tried in the order of the fields."""

    literals: dict[str, "_Node[T]"] = attrs.field(factory=dict)
    patterns: list[tuple[Segment, "_Node[T]"]] = attrs.field(factory=list)
    text: "_Node[T] | None" = None
    rest: "_Node[T] | None" = None
    routes: dict[str, _Route[T]] = attrs.field(factory=dict)
    takes_rest: bool = False

    def child(self, segment: Segment) -> "_Node[T]":
        """The node behind *segment*, made when it is not there yet."""
        if not segment.converters:
            return self.literals.setdefault(segment.shape, _Node())
        if segment.rank == STR.rank:
            self.text = self.text or _Node()
            return self.text
        if segment.rank == PATH.rank:
            self.rest = self.rest or _Node(takes_rest=True)
            return self.rest
        for known, node in self.patterns:
            if known.shape == segment.shape:
                return node
        node = _Node()
        insort(self.patterns, (segment, node), key=lambda entry: entry[0].rank)
        return node


class Router(Generic[T]):
    """Finds the target of a request; knows nothing of any transport.

    The most specific template wins, segment by segment from the left: a literal, a mixture of
    literal and parameters, int, uuid, float, str, path; then the one added first. One trailing
    slash of a request is ignored, outside a ``path`` value. Paths are case-sensitive.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._static: dict[str, dict[str, _Route[T]]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._depth = 0

    def add(self, method: str, template: PathTemplate, target: T, name: str) -> None:
        """Send requests for *method* and *template* to *target*.

        GET answers HEAD too, until HEAD is added for the same path.

        Raises:
            ConfigurationError: a route with this method already matches the same paths.
        """
        here = f"{name!r} ({method} {template.text})"
        there = self._names.setdefault((method, template.shape), here)
        if there is not here:
            raise ConfigurationError(
                f"Routes {there} and {here} answer the same requests: "
                "change the path or the method of one, or remove it."
            )
        node = self._root
        for segment in template.segments:
            node = node.child(segment)
        self._depth = max(self._depth, len(template.segments))
        route = _Route(target, tuple((n, c.to_python) for n, c in template.parameters.items()))
        node.routes[method] = route
        if method == "GET" and ("HEAD", template.shape) not in self._names:
            node.routes["HEAD"] = route
        if not template.parameters and "%" not in template.text:
            self._static[template.text.removesuffix("/")] = node.routes

    def match(self, method: str, raw_path: str) -> tuple[T, dict[str, object]]:
        """The target of a request and the converted parameters, in a dict of its own.

        *raw_path* is percent-encoded and without the query; an empty one is the root. Where
        the most specific match lacks *method*, less specific ones are asked.

        Raises:
            BadRequestException: malformed percent-encoding, invalid UTF-8 or a NUL byte.
            NotFoundException: no template matches the path.
            MethodNotAllowedException: none that matches has the method; with ``Allow``.
        """
        known = self._static.get(raw_path.removesuffix("/"))
        if known is not None and (route := known.get(method)) is not None:
            return route.target, {}
        missed: list[dict[str, _Route[T]]] = []
        for routes, texts in self._candidates(raw_path):
            if (route := routes.get(method)) is not None:
                values: dict[str, object] = {}
                for (name, convert), text in zip(route.parameters, texts):  # noqa: B905 - as many
                    values[name] = convert(text)
                return route.target, values
            missed.append(routes)
        if not missed:
            raise NotFoundException
        methods = {method for routes in missed for method in routes}
        raise MethodNotAllowedException(headers={"Allow": ", ".join(_with_options(methods))})

    def allowed(self, raw_path: str) -> list[str]:
        """The methods that a path answers, sorted, OPTIONS among them; [] for an unknown path.

        Raises:
            BadRequestException: as in `match`.
        """
        methods = {method for routes, _ in self._candidates(raw_path) for method in routes}
        return _with_options(methods) if methods else []

    def _candidates(self, raw_path: str) -> Iterator[tuple[dict[str, _Route[T]], tuple[str, ...]]]:
        """All routes of each matching template and its parameters' texts, most specific first.

        Every node is visited at most once, on a stack of its own: no path, however long, costs
        more than the tree has alternatives, or recurses.
        """
        parts = _decoded(raw_path, self._depth + 1)
        if parts[0]:
            return  # not rooted, such as the "*" of OPTIONS
        end = max(1, len(parts) - (parts[-1] == ""))
        stack: list[tuple[_Node[T], int, tuple[str, ...]]] = [(self._root, 1, ())]
        while stack:
            node, index, texts = stack.pop()
            if node.takes_rest:
                yield node.routes, (*texts, "/".join(parts[index:]))
            elif index < end:
                part = parts[index]
                index += 1
                # Last in, first out: the least specific goes first.
                if node.rest is not None:
                    stack.append((node.rest, index - 1, texts))
                if node.text is not None and part:
                    stack.append((node.text, index, (*texts, part)))
                if node.patterns:
                    for segment, child in reversed(node.patterns):
                        if (found := segment.match(part)) is not None:
                            stack.append((child, index, texts + found))
                if (literal := node.literals.get(part)) is not None:
                    stack.append((literal, index, texts))
            elif node.routes:
                yield node.routes, texts


def _decoded(raw_path: str, slashes: int) -> list[str]:
    """The path split at its first *slashes* slashes, then decoded: ``%2F`` splits nothing."""
    parts = raw_path.split("/", slashes)
    if "%" not in raw_path and "\0" not in raw_path and raw_path.isascii():
        return parts
    if _MALFORMED.search(raw_path):
        raise BadRequestException("The path has a '%' that two hexadecimal digits do not follow.")
    try:
        raw_path.encode()  # a lone surrogate stands for a byte that was no UTF-8
        parts = [unquote(part, errors="strict") for part in parts]
    except UnicodeError as exc:
        raise BadRequestException("The path is not valid UTF-8.") from exc
    if any("\0" in part for part in parts):
        raise BadRequestException("The path has a NUL byte.")
    return parts


def _with_options(methods: set[str]) -> list[str]:
    return sorted({*methods, "OPTIONS"})
