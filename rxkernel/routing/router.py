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
from rxkernel.routing.kinds import MIXED_RANK
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.shapes import Shapes

T = TypeVar("T")
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")


class _Nothing(Enum):
    """No target; ``None`` may be one."""

    NONE = 0


_NONE: Final = _Nothing.NONE


@attrs.frozen(eq=False)
class _Table(Generic[T]):
    """What has one method: *static* templates by their path, the others by their shape."""

    static: dict[str, T] = attrs.field(factory=dict)
    shapes: Shapes[T] = attrs.field(factory=lambda: Shapes())

    def add(self, template: PathTemplate, target: T, turns: Sequence[int]) -> None:
        if template.parameters:
            self.shapes.add(template, target, iter(turns))
        else:
            path = _encoded([segment.shape for segment in template.segments])
            self.static[path] = self.static[f"{path}/"] = target

    def has(self, path: str, parts: list[str]) -> bool:
        return path in self.static or self.shapes.find(parts) is not None


class Router(Generic[T]):
    """Finds the target of a request; knows nothing of any transport.

    The most specific template wins, segment by segment from the left: a literal; a pattern, or a
    mixture of literal and parameters; int, uuid, float; the converters of the application in
    their order; str, path; then the one added first. One trailing slash of a request is ignored,
    outside a ``path`` value. Paths are case-sensitive.
    """

    def __init__(self) -> None:
        self._tables: dict[str, _Table[T]] = {}
        self._no_table: _Table[T] = _Table()
        self._any: _Table[T] = _Table()  # of all methods, so that what is unknown is so at once
        self._names: dict[tuple[str, str], str] = {}
        self._turns: dict[tuple[str, ...], int] = {}
        self._slashes = 1

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
        self._slashes = max(self._slashes, len(template.segments) + 1)
        turns = self._turns_of(template)
        methods = [method]
        if method == "GET" and ("HEAD", template.shape) not in self._names:
            methods.append("HEAD")
        for table in (self._any, *(self._tables.setdefault(m, _Table()) for m in methods)):
            table.add(template, target, turns)

    def _turns_of(self, template: PathTemplate) -> list[int]:
        """Of each mixed segment: when a template with this beginning was added first."""
        shapes = tuple(segment.shape for segment in template.segments)
        return [
            self._turns.setdefault(shapes[:end], len(self._turns))
            for end, segment in enumerate(template.segments, 1)
            if segment.rank == MIXED_RANK
        ]

    def match(self, method: str, raw_path: str) -> tuple[T, dict[str, object]]:
        """The target of a request and the converted parameters, in a dict of its own.

        *raw_path* is percent-encoded and without the query; an empty one is the root. Where
        the most specific match lacks *method*, less specific ones are asked.

        Raises:
            BadRequestException: malformed percent-encoding, invalid UTF-8 or a NUL byte.
            NotFoundException: no template matches the path.
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
        found = table.shapes.find(parts)
        if found is not None:
            return found
        methods = self._methods(parts)
        if not methods:
            raise NotFoundException
        raise MethodNotAllowedException(headers={"Allow": ", ".join(methods)})

    def allowed(self, raw_path: str) -> list[str]:
        """The methods that a path answers, sorted, OPTIONS among them; [] for an unknown path.

        Raises:
            BadRequestException: as in `match`.
        """
        return self._methods(_decoded(raw_path, self._slashes))

    def _methods(self, parts: list[str]) -> list[str]:
        path = _encoded(parts[1:])
        if parts[0] or not self._any.has(path, parts):
            return []
        methods = {method for method, table in self._tables.items() if table.has(path, parts)}
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
