"""Finds the target of a method and a raw path; the time does not depend on the number of routes.

A path without parameters takes one dictionary lookup, other paths one for each shape of templates.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, Generic, TypeVar
from urllib.parse import unquote

import attrs
from multidict import CIMultiDict

from rxkernel.exceptions import (
    BadRequestException,
    ConfigurationError,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.messages.vary import vary
from rxkernel.routing.constraints import NO_CONSTRAINTS, Constraints, Head, HostOf
from rxkernel.routing.kinds import MIXED_RANK
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.shapes import HeaderMismatch, Match, Shapes

T = TypeVar("T")
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")


class _Nothing(Enum):
    """No target. ``None`` is not used, because it may be a target."""

    NONE = 0


_NONE: Final = _Nothing.NONE


@attrs.frozen(eq=False)
class _Table(Generic[T]):
    """The routes of one method: *static* templates by their path, the others by their shape.

    A static path that has a route with constraints is in *constrained*, and its routes are in
    *shapes*, so all other static paths take one lookup.
    """

    shapes: Shapes[T]
    static: dict[str, T] = attrs.field(factory=dict)
    constrained: set[str] = attrs.field(factory=set)

    def add(
        self, template: PathTemplate, target: T, orders: Sequence[int], constraints: Constraints
    ) -> None:
        path = _encoded([segment.shape for segment in template.segments])
        if template.parameters:
            self.shapes.add(template, target, iter(orders), constraints)
        elif not constraints and path not in self.constrained:
            self.static[path] = self.static[f"{path}/"] = target
        else:
            if path in self.static:
                self.shapes.add(template, self.static.pop(path), iter(()))
                del self.static[f"{path}/"]
            self.constrained.add(path)
            self.shapes.add(template, target, iter(()), constraints)

    def has(self, path: str, parts: list[str], head: Head | None) -> bool:
        """Whether the host of *head* has the path; its headers are ignored."""
        return path in self.static or self.shapes.find(parts, head) is not None


class Router(Generic[T]):
    """Finds the target of a request; independent of any transport.

    The most specific template wins, segment by segment from the left: a literal; a pattern, or a
    mixture of literal and parameters; int, uuid, float; the converters of the application in
    their order; str, path; then the template that was added first. One trailing slash of a request
    is ignored, except in a ``path`` value. Paths are case-sensitive.

    If several routes have the same method and path, the most specific `Constraints` that the
    request meets win; *host_of* returns the host of a request.
    """

    def __init__(self, host_of: HostOf = lambda head: None) -> None:
        self._host_of = host_of
        self._tables: dict[str, _Table[T]] = {}
        self._no_table: _Table[T] = self._new_table()
        self._any: _Table[T] = self._new_table()  # the routes of all methods, for unknown paths
        self._names: dict[tuple[str, str, Constraints], str] = {}
        self._orders: dict[tuple[str, ...], int] = {}
        self._slashes = 1

    def _new_table(self) -> _Table[T]:
        return _Table(Shapes(self._host_of))

    def add(
        self,
        method: str,
        template: PathTemplate,
        target: T,
        name: str,
        constraints: Constraints = NO_CONSTRAINTS,
        *,
        head: bool = True,
        place: str = "",
    ) -> None:
        """Route requests with *method* and *template* that meet *constraints* to *target*.

        GET with *head* also serves HEAD, until HEAD is added for the same path and constraints.
        *place* is the place of the action, for the error.

        Raises:
            ConfigurationError: a route with this method already matches the same requests.
        """
        where = f", {place}" if place else ""
        new = f"{name!r} ({method} {template.text}{constraints}{where})"
        known = self._names.setdefault((method, template.shape, constraints), new)
        if known is not new:
            raise ConfigurationError(
                f"Routes {known} and {new} match the same requests: "
                "change the path, the method, host or headers of one, or remove it."
            )
        self._slashes = max(self._slashes, len(template.segments) + 1)
        orders = self._orders_of(template)
        methods = [method]
        if head and method == "GET" and ("HEAD", template.shape, constraints) not in self._names:
            methods.append("HEAD")
        tables = (self._tables.setdefault(m, self._new_table()) for m in methods)
        for table in (self._any, *tables):
            table.add(template, target, orders, constraints)

    def _orders_of(self, template: PathTemplate) -> list[int]:
        """For each mixed segment, the number of the first template with the same beginning."""
        shapes = tuple(segment.shape for segment in template.segments)
        return [
            self._orders.setdefault(shapes[:end], len(self._orders))
            for end, segment in enumerate(template.segments, 1)
            if segment.rank == MIXED_RANK
        ]

    def static_targets(self) -> dict[str, dict[str, T]]:
        """The targets of routes without parameters and constraints, by method and path."""
        return {method: dict(table.static) for method, table in self._tables.items()}

    def find(self, method: str, raw_path: str, head: Head | None = None) -> Match[T] | None:
        """Return the target of a request and a new dict of the converted parameters, or None.

        *raw_path* is percent-encoded and has no query; an empty one is the root. If the most
        specific template does not have *method*, less specific ones are tried. Without *head*, no
        route with constraints is found. If the result is None, `error_for` returns the error.

        Raises:
            BadRequestException: invalid percent-encoding, invalid UTF-8 or a NUL byte.
        """
        table = self._tables.get(method, self._no_table)
        target = table.static.get(raw_path, _NONE)
        if target is not _NONE:
            return target, {}
        if "%" not in raw_path and "\0" not in raw_path and raw_path.isascii():
            parts = raw_path.split("/", self._slashes)
        else:
            parts = _decoded(raw_path, self._slashes)
            target = table.static.get(_encoded(parts[1:]), _NONE)
            if target is not _NONE and not parts[0]:
                return target, {}
        found = table.shapes.find(parts, head)
        return None if type(found) is HeaderMismatch else found

    def error_for(
        self, method: str, raw_path: str, head: Head | None = None
    ) -> NotFoundException | MethodNotAllowedException:
        """Return the error for a request that `find` does not find.

        404 if no template matches the path at this host; 404 with ``Vary`` if the routes of the
        path require other headers; 405 with ``Allow`` if the path has other methods.

        Raises:
            BadRequestException: as `find`.
        """
        parts = _decoded(raw_path, self._slashes)
        found = self._tables.get(method, self._no_table).shapes.find(parts, head)
        if isinstance(found, HeaderMismatch):
            headers: CIMultiDict[str] = CIMultiDict()
            vary(headers, *found.names)
            return NotFoundException(headers=headers)
        methods = self._methods(parts, head)
        if methods:
            return MethodNotAllowedException(headers={"Allow": ", ".join(methods)})
        return NotFoundException()

    def allowed(self, raw_path: str, head: Head | None = None) -> list[str]:
        """Return the methods that a path has at the host of *head*, sorted, with OPTIONS.

        [] for an unknown path. The headers of *head* are ignored: a CORS preflight request does
        not have the headers of the request that follows (Fetch Standard, "CORS-preflight
        request").

        Raises:
            BadRequestException: as `find`.
        """
        return self._methods(_decoded(raw_path, self._slashes), head)

    def _methods(self, parts: list[str], head: Head | None) -> list[str]:
        path = _encoded(parts[1:])
        if parts[0] or not self._any.has(path, parts, head):
            return []
        tables = self._tables.items()
        methods = {method for method, table in tables if table.has(path, parts, head)}
        return sorted({*methods, "OPTIONS"})


def _decoded(raw_path: str, slashes: int) -> list[str]:
    """Split the path at its first *slashes* slashes, then decode the parts, so ``%2F`` is kept."""
    parts = raw_path.split("/", slashes)
    if _MALFORMED.search(raw_path):
        raise BadRequestException("The path has a '%' without two hexadecimal digits after it.")
    try:
        raw_path.encode()  # fails for a lone surrogate, which represents an invalid byte
        parts = [unquote(part, errors="strict") for part in parts]
    except UnicodeError as exc:
        raise BadRequestException("The path is not valid UTF-8.") from exc
    if any("\0" in part for part in parts):
        raise BadRequestException("The path has a NUL byte.")
    return parts


def _encoded(parts: list[str]) -> str:
    """Join decoded *parts* to a path, in which only ``%`` and ``/`` of the parts are encoded."""
    return "".join(f"/{part.replace('%', '%25').replace('/', '%2F')}" for part in parts)
