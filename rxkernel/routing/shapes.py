"""Finds the template that matches a path; the time depends on the number of shapes, not templates.

The shape of a template has the kind of each segment: a literal, or a kind of parameter. All
templates of one shape are in one dictionary, whose keys are their literals, so a path takes one
lookup per shape. The shapes are ordered, the most specific first; the order is the same for all
paths.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Generic, Protocol, TypeVar, final

import attrs
from multidict import CIMultiDict

from rxkernel.routing.constraints import NO_CONSTRAINTS, Constraints, Head, HostOf
from rxkernel.routing.kinds import LITERAL_RANK, MIXED_RANK, PATH
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.segment import Segment

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Parts = list[str]
"""A path split at its slashes and decoded; the first part is empty, before the first slash."""
Match = tuple[T, dict[str, object]]
"""The target of a path, and the values of its parameters."""
_Parameters = tuple[tuple[str, int, Callable[[str], object | None]], ...]
_NO_HEADERS: CIMultiDict[str] = CIMultiDict()


@final
@attrs.frozen(eq=False)
class HeaderMismatch:
    """The path has routes at this host, but all require other headers.

    It ends the search: the router does not try less specific paths.

    Attributes:
        names: the headers that the routes of the path require.
    """

    names: tuple[str, ...]


class _Matcher(Protocol[T_co]):
    """Matches the parameters of a path whose literals match; constraints read *head*."""

    def match(self, parts: Parts, head: Head | None) -> Match[T_co] | HeaderMismatch | None: ...


@attrs.frozen(eq=False)
class _Endpoint(Generic[T]):
    """A target and its *parameters*: name, index in the parts, and the function that reads it."""

    target: T
    parameters: _Parameters

    def match(self, parts: Parts, head: Head | None) -> Match[T] | None:
        values: dict[str, object] = {}
        for name, index, read in self.parameters:
            value = read(parts[index])
            if value is None:
                return None
            values[name] = value
        return self.target, values


@attrs.frozen(eq=False)
class _PathTail(Generic[T]):
    """A ``path`` parameter: joins all parts from *index* on."""

    index: int
    endpoint: _Endpoint[T]

    def match(self, parts: Parts, head: Head | None) -> Match[T] | None:
        tail = "/".join(parts[self.index :])
        return self.endpoint.match([*parts[: self.index], tail], head)


@attrs.frozen(eq=False)
class _OnlyPathTail(Generic[T]):
    """As `_PathTail`, faster, for a ``path`` that is the only parameter."""

    index: int
    name: str
    target: T

    def match(self, parts: Parts, head: Head | None) -> Match[T] | None:
        tail = "/".join(parts[self.index :])
        return (self.target, {self.name: tail}) if tail else None


@attrs.frozen(eq=False)
class _ConstrainedRoutes(Generic[T]):
    """The routes of one method and path, some with constraints, the most specific first.

    Routes for other hosts are ignored. Headers select one of the others, such as a version of a
    resource.
    """

    host_of: HostOf
    routes: list[tuple[Constraints, _Matcher[T]]] = attrs.field(factory=list)

    def add(self, constraints: Constraints, matcher: _Matcher[T]) -> None:
        """Add a route, or replace the one with the same constraints."""
        for index, (known, _) in enumerate(self.routes):
            if known == constraints:
                self.routes[index] = (constraints, matcher)
                return
        insort(self.routes, (constraints, matcher), key=lambda route: route[0].order)

    def match(self, parts: Parts, head: Head | None) -> Match[T] | HeaderMismatch | None:
        host = None if head is None else self.host_of(head)
        headers = _NO_HEADERS if head is None else head.headers
        here = [route for route in self.routes if route[0].accept_host(host)]
        for constraints, matcher in here:
            if constraints.accept_headers(headers):
                return matcher.match(parts, head)
        if here and here[0][1].match(parts, head) is not None:
            return HeaderMismatch(tuple(n for constraints, _ in here for n in constraints.names))
        return None


@attrs.frozen(eq=False)
class _MixedSegments(Generic[T]):
    """The mixed segments at one *index*. The texts of their parameters replace this part.

    Each branch has its own shapes, so a path visits each of them once at most.
    """

    index: int
    host_of: HostOf
    branches: list[tuple[int, Segment, "Shapes[T]"]] = attrs.field(factory=list)

    def branch(self, order: int, segment: Segment) -> "Shapes[T]":
        """Return the shapes that follow *segment*; branches are tried by ascending *order*."""
        for known, _, shapes in self.branches:
            if known == order:
                return shapes
        shapes = Shapes[T](self.host_of)
        insort(self.branches, (order, segment, shapes), key=itemgetter(0))
        return shapes

    def match(self, parts: Parts, head: Head | None) -> Match[T] | HeaderMismatch | None:
        before, part, after = parts[: self.index], parts[self.index], parts[self.index + 1 :]
        for _, segment, shapes in self.branches:
            texts = segment.match(part)
            if texts is not None:
                found = shapes.find([*before, *texts, *after], head)
                if found is not None:
                    return found
        return None


@attrs.frozen(eq=False)
class _Shape(Generic[T]):
    """The templates of one shape; *literals* returns the key in *matchers* for the parts."""

    ranks: tuple[int, ...]
    literals: Callable[[Parts], object]
    matchers: dict[object, _Matcher[T]] = attrs.field(factory=dict)

    def add(
        self, key: object, matcher: _Matcher[T], constraints: Constraints, host_of: HostOf
    ) -> None:
        """Add the *matcher* of a route with the literals *key*."""
        known = self.matchers.get(key)
        if not (constraints or isinstance(known, _ConstrainedRoutes)):
            self.matchers[key] = matcher
            return
        if not isinstance(known, _ConstrainedRoutes):
            plain = [] if known is None else [(NO_CONSTRAINTS, known)]
            known = self.matchers[key] = _ConstrainedRoutes(host_of, plain)
        known.add(constraints, matcher)


@attrs.frozen(eq=False)
class Shapes(Generic[T]):
    """The templates of one method, or their parts after one mixed segment.

    *_open* shapes end with a ``path`` parameter or a mixed segment: they match paths of any
    length. Endpoints with equal *_parameters* share one tuple, to use less of the CPU cache.
    """

    _host_of: HostOf
    _known: dict[tuple[int, ...], _Shape[T]] = attrs.field(factory=dict)
    _by_length: dict[int, list[_Shape[T]]] = attrs.field(factory=dict)
    _open: list[_Shape[T]] = attrs.field(factory=list)
    _parameters: dict[_Parameters, _Parameters] = attrs.field(factory=dict)

    def find(self, parts: Parts, head: Head | None) -> Match[T] | HeaderMismatch | None:
        if parts[0]:
            return None  # the path does not begin with a slash, such as the "*" of OPTIONS
        length = len(parts) - (not parts[-1])  # one trailing slash is ignored
        for shape in self._by_length.get(length, self._open):
            matcher = shape.matchers.get(shape.literals(parts))
            if matcher is not None and (found := matcher.match(parts, head)) is not None:
                return found
        return None

    def add(
        self,
        template: PathTemplate,
        target: T,
        orders: Iterator[int],
        constraints: Constraints = NO_CONSTRAINTS,
    ) -> None:
        """Add *target* for the paths that *template* matches.

        *orders* has a number for each mixed segment; lower numbers are tried first.
        """
        parameters = _parameters(template)
        parameters = self._parameters.setdefault(parameters, parameters)
        self._add(template.segments, 1, _Endpoint(target, parameters), orders, constraints)

    def _add(
        self,
        segments: Sequence[Segment],
        index: int,
        endpoint: _Endpoint[T],
        orders: Iterator[int],
        constraints: Constraints,
    ) -> None:
        """Add *endpoint*; *index* is that of the first of *segments* in the parts of a path."""
        whole = list(takewhile(lambda segment: segment.rank != MIXED_RANK, segments))
        shape = self._shape(segments[: len(whole) + 1], index)
        key = shape.literals([""] * index + [segment.shape for segment in segments])
        index += len(whole)
        if len(whole) < len(segments):
            mixed, rest = segments[len(whole)], segments[len(whole) + 1 :]
            branching = shape.matchers.get(key)
            if not isinstance(branching, _MixedSegments):
                branching = shape.matchers[key] = _MixedSegments(index, self._host_of)
            shapes = branching.branch(next(orders), mixed)
            shapes._add(rest, index + len(mixed.kinds), endpoint, orders, constraints)
            return
        matcher: _Matcher[T] = endpoint
        if whole and whole[-1].rank == PATH.rank:
            matcher = _path_tail(index - 1, endpoint)
        shape.add(key, matcher, constraints, self._host_of)

    def _shape(self, segments: Sequence[Segment], first: int) -> _Shape[T]:
        """Return the shape of *segments*, whose first one has the index *first* in the parts."""
        ranks = tuple(segment.rank for segment in segments)
        if ranks in self._known:
            return self._known[ranks]
        last = first + len(ranks) - 1
        literals = _taker(
            [index for index, rank in enumerate(ranks, first) if rank == LITERAL_RANK]
        )
        if ranks and ranks[-1] in (MIXED_RANK, PATH.rank):
            shape = _Shape[T](ranks, _from_longer(last, literals))
            lists = [self._open, *self._by_length.values()]
        else:
            shape = _Shape(ranks, literals)
            lengths = (last + 1,) if ranks else (last + 1, last)  # an empty path is the root
            lists = [self._by_length.setdefault(length, [*self._open]) for length in lengths]
        for shapes in lists:
            insort(shapes, shape, key=attrgetter("ranks"))
        self._known[ranks] = shape
        return shape


def _path_tail(index: int, endpoint: _Endpoint[T]) -> _Matcher[T]:
    if len(endpoint.parameters) == 1:
        return _OnlyPathTail(index, endpoint.parameters[0][0], endpoint.target)
    return _PathTail(index, endpoint)


def _taker(indexes: Sequence[int]) -> Callable[[Parts], object]:
    """Return a function that returns the parts at *indexes*; without indexes, the first part."""
    return itemgetter(*indexes or (0,))


def _from_longer(last: int, take: Callable[[Parts], object]) -> Callable[[Parts], object]:
    """Return a function that calls *take*, but returns None for parts without the index *last*."""
    return lambda parts: take(parts) if len(parts) > last else None


def _parameters(template: PathTemplate) -> _Parameters:
    """Return the parameters with their indexes; each parameter of a mixed segment has its own
    index, see `_MixedSegments`."""
    taken = [kind for segment in template.segments for kind in segment.kinds or (None,)]
    indexes = [index for index, kind in enumerate(taken, 1) if kind is not None]
    return tuple(
        (name, index, kind.read)
        for index, (name, kind) in zip(indexes, template.parameters.items(), strict=True)
    )
