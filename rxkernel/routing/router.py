"""From a method and a raw path to a target, at a cost that does not grow with the routes.

Paths without parameters are one dictionary look-up, others one for each shape of templates.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, Generic, TypeVar
from urllib.parse import unquote

import attrs

from rxkernel.exceptions import (
    BadRequestException,
    ConfigurationError,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.routing.constraints import NO_CONSTRAINTS, Constraints, Head, HostOf
from rxkernel.routing.kinds import MIXED_RANK
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.shapes import HeadersNotFoundException, Shapes

T = TypeVar("T")
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")


class _Nothing(Enum):
    """No target; ``None`` may be one."""

    NONE = 0


_NONE: Final = _Nothing.NONE


@attrs.frozen(eq=False)
class _Table(Generic[T]):
    """What has one method: *static* templates by their path, the others by their shape.

    Static paths with a route that has constraints are *chosen*, and found as templates with
    parameters are: so the other static paths take one look-up and no more.
    """

    shapes: Shapes[T]
    static: dict[str, T] = attrs.field(factory=dict)
    chosen: set[str] = attrs.field(factory=set)

    def add(
        self, template: PathTemplate, target: T, turns: Sequence[int], constraints: Constraints
    ) -> None:
        path = _encoded([segment.shape for segment in template.segments])
        if template.parameters:
            self.shapes.add(template, target, iter(turns), constraints)
        elif not constraints and path not in self.chosen:
            self.static[path] = self.static[f"{path}/"] = target
        else:
            if path in self.static:
                self.shapes.add(template, self.static.pop(path), iter(()))
                del self.static[f"{path}/"]
            self.chosen.add(path)
            self.shapes.add(template, target, iter(()), constraints)

    def has(self, path: str, parts: list[str], head: Head | None) -> bool:
        """Whether the path is there at the host of *head*, whatever its headers."""
        try:
            return path in self.static or self.shapes.find(parts, head) is not None
        except HeadersNotFoundException:
            return True


class Router(Generic[T]):
    """Finds the target of a request; knows nothing of any transport.

    The most specific template wins, segment by segment from the left: a literal; a pattern, or a
    mixture of literal and parameters; int, uuid, float; the converters of the application in
    their order; str, path; then the one added first. One trailing slash of a request is ignored,
    outside a ``path`` value. Paths are case-sensitive.

    Of several routes with one method and path, the most specific `Constraints` that a request
    fits decide; *host_of* returns the host that a request is for.
    """

    def __init__(self, host_of: HostOf = lambda head: None) -> None:
        self._host_of = host_of
        self._tables: dict[str, _Table[T]] = {}
        self._no_table: _Table[T] = self._new_table()
        self._any: _Table[T] = self._new_table()  # of all methods, for unknown paths
        self._names: dict[tuple[str, str, Constraints], str] = {}
        self._turns: dict[tuple[str, ...], int] = {}
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
    ) -> None:
        """Send requests for *method* and *template* that fit *constraints* to *target*.

        GET answers HEAD too, until HEAD is added for the same path and constraints.

        Raises:
            ConfigurationError: a route with this method already matches the same requests.
        """
        here = f"{name!r} ({method} {template.text}{constraints})"
        there = self._names.setdefault((method, template.shape, constraints), here)
        if there is not here:
            raise ConfigurationError(
                f"Routes {there} and {here} answer the same requests: "
                "change the path, the method, host or headers of one, or remove it."
            )
        self._slashes = max(self._slashes, len(template.segments) + 1)
        turns = self._turns_of(template)
        methods = [method]
        if method == "GET" and ("HEAD", template.shape, constraints) not in self._names:
            methods.append("HEAD")
        tables = (self._tables.setdefault(m, self._new_table()) for m in methods)
        for table in (self._any, *tables):
            table.add(template, target, turns, constraints)

    def _turns_of(self, template: PathTemplate) -> list[int]:
        """Of each mixed segment: when a template with this beginning was added first."""
        shapes = tuple(segment.shape for segment in template.segments)
        return [
            self._turns.setdefault(shapes[:end], len(self._turns))
            for end, segment in enumerate(template.segments, 1)
            if segment.rank == MIXED_RANK
        ]

    def match(
        self, method: str, raw_path: str, head: Head | None = None
    ) -> tuple[T, dict[str, object]]:
        """The target of a request and the converted parameters, in a dict of its own.

        *raw_path* is percent-encoded and without the query; an empty one is the root. Where
        the most specific match lacks *method*, less specific ones are asked. Without *head*, no
        route with constraints is found.

        Raises:
            BadRequestException: malformed percent-encoding, invalid UTF-8 or a NUL byte.
            NotFoundException: no template matches the path at this host, or none with these
                headers; then with ``Vary``.
            MethodNotAllowedException: none that matches has the method; with ``Allow``.
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
        if found is not None:
            return found
        methods = self._methods(parts, head)
        if not methods:
            raise NotFoundException
        raise MethodNotAllowedException(headers={"Allow": ", ".join(methods)})

    def allowed(self, raw_path: str, head: Head | None = None) -> list[str]:
        """The methods that a path answers at the host of *head*, sorted, OPTIONS among them.

        [] for an unknown path. The headers of *head* do not matter: a page that asks what it may
        send does not send them yet (Fetch Standard, "CORS-preflight request").

        Raises:
            BadRequestException: as in `match`.
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
    """The path split at its first *slashes* slashes, then decoded: ``%2F`` splits nothing."""
    parts = raw_path.split("/", slashes)
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


def _encoded(parts: list[str]) -> str:
    """The path of decoded *parts*, in which only what would be read otherwise is encoded."""
    return "".join(f"/{part.replace('%', '%25').replace('/', '%2F')}" for part in parts)
