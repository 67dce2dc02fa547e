"""Templates by their shape: the places of their literals, and what may stand at the others.

The templates of one shape are one dictionary, by their literals: however many there are, a path
asks each shape once. Few shapes have paths of one length, and one order of them holds for all.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Generic, Protocol, TypeVar

import attrs
from multidict import CIMultiDict

from rxkernel.exceptions import NotFoundException
from rxkernel.messages.vary import vary
from rxkernel.routing.constraints import NO_CONSTRAINTS, Constraints, Head, HostOf
from rxkernel.routing.kinds import LITERAL_RANK, MIXED_RANK, PATH
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.segment import Segment

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Parts = list[str]
"""A path split at its slashes and decoded; the first part is empty, before the first slash."""
Found = tuple[T, dict[str, object]]
_Parameters = tuple[tuple[str, int, Callable[[str], object | None]], ...]
_NO_HEADERS: CIMultiDict[str] = CIMultiDict()


class _End(Protocol[T_co]):
    """What is left of a template when its literals are found; *head* is for constraints."""

    def read(self, parts: Parts, head: Head | None) -> Found[T_co] | None: ...


@attrs.frozen(eq=False)
class Route(Generic[T]):
    """``parameters``: the name, the place in the parts, and what reads the text found there."""

    target: T
    parameters: _Parameters

    def read(self, parts: Parts, head: Head | None) -> Found[T] | None:
        values: dict[str, object] = {}
        for name, place, read in self.parameters:
            value = read(parts[place])
            if value is None:
                return None
            values[name] = value
        return self.target, values


@attrs.frozen(eq=False)
class _Tail(Generic[T]):
    """A ``path`` parameter: all parts from *place* on are one again."""

    place: int
    route: Route[T]

    def read(self, parts: Parts, head: Head | None) -> Found[T] | None:
        whole = "/".join(parts[self.place :])
        return self.route.read([*parts[: self.place], whole], head)


class HeadersNotFoundException(NotFoundException):
    """The path is there at this host, but not with these headers (404)."""


@attrs.frozen(eq=False)
class _Choice(Generic[T]):
    """The routes of one method and path of which some have constraints, the most specific first.

    Routes of another host are not there. Headers choose between the others, as between the
    versions of one resource: a request that fits none of them does not go on to less specific
    paths.
    """

    host_of: HostOf
    routes: list[tuple[Constraints, _End[T]]] = attrs.field(factory=list)

    def add(self, constraints: Constraints, end: _End[T]) -> None:
        """Add a route, in place of one with the same constraints."""
        for place, (known, _) in enumerate(self.routes):
            if known == constraints:
                self.routes[place] = (constraints, end)
                return
        insort(self.routes, (constraints, end), key=lambda route: route[0].order)

    def read(self, parts: Parts, head: Head | None) -> Found[T] | None:
        host = None if head is None else self.host_of(head)
        headers = _NO_HEADERS if head is None else head.headers
        here = [route for route in self.routes if route[0].accept_host(host)]
        for constraints, end in here:
            if constraints.accept_headers(headers):
                return end.read(parts, head)
        if here and here[0][1].read(parts, head) is not None:
            missed: CIMultiDict[str] = CIMultiDict()
            vary(missed, *(name for constraints, _ in here for name in constraints.names))
            raise HeadersNotFoundException(headers=missed)
        return None


@attrs.frozen(eq=False)
class _Fork(Generic[T]):
    """Mixed segments at one place; the texts of their parameters take its place in the parts.

    What follows each has shapes of its own, so that a path comes to each of them once at most.
    """

    place: int
    host_of: HostOf
    branches: list[tuple[int, Segment, "Shapes[T]"]] = attrs.field(factory=list)

    def branch(self, turn: int, segment: Segment) -> "Shapes[T]":
        """What follows *segment*; the lower its *turn*, the earlier it is tried."""
        for known, _, shapes in self.branches:
            if known == turn:
                return shapes
        shapes = Shapes[T](self.host_of)
        insort(self.branches, (turn, segment, shapes), key=itemgetter(0))
        return shapes

    def read(self, parts: Parts, head: Head | None) -> Found[T] | None:
        before, part, after = parts[: self.place], parts[self.place], parts[self.place + 1 :]
        for _, segment, shapes in self.branches:
            texts = segment.match(part)
            if texts is not None:
                found = shapes.find([*before, *texts, *after], head)
                if found is not None:
                    return found
        return None


@attrs.frozen(eq=False)
class _Shape(Generic[T]):
    """*literals*: takes the parts where this shape has literals, as the key of *ends*."""

    ranks: tuple[int, ...]
    literals: Callable[[Parts], object]
    ends: dict[object, _End[T]] = attrs.field(factory=dict)

    def put(self, key: object, end: _End[T], constraints: Constraints, host_of: HostOf) -> None:
        """Have *end* read what has the literals *key*, of several routes the one that fits."""
        known = self.ends.get(key)
        if not (constraints or isinstance(known, _Choice)):
            self.ends[key] = end
            return
        if not isinstance(known, _Choice):
            plain = [] if known is None else [(NO_CONSTRAINTS, known)]
            known = self.ends[key] = _Choice(host_of, plain)
        known.add(constraints, end)


@attrs.frozen(eq=False)
class Shapes(Generic[T]):
    """The templates of one method, or what of them follows one mixed segment.

    *_open* shapes end with a ``path`` parameter or a fork: they take paths of any length. The
    routes share their *_parameters* where they are equal: that is less for a processor to fetch.
    """

    _host_of: HostOf
    _known: dict[tuple[int, ...], _Shape[T]] = attrs.field(factory=dict)
    _by_length: dict[int, list[_Shape[T]]] = attrs.field(factory=dict)
    _open: list[_Shape[T]] = attrs.field(factory=list)
    _parameters: dict[_Parameters, _Parameters] = attrs.field(factory=dict)

    def find(self, parts: Parts, head: Head | None) -> Found[T] | None:
        if parts[0]:
            return None  # not rooted, such as the "*" of OPTIONS
        length = len(parts) - (not parts[-1])  # one trailing slash is ignored
        for shape in self._by_length.get(length, self._open):
            end = shape.ends.get(shape.literals(parts))
            if end is not None and (found := end.read(parts, head)) is not None:
                return found
        return None

    def add(
        self,
        template: PathTemplate,
        target: T,
        turns: Iterator[int],
        constraints: Constraints = NO_CONSTRAINTS,
    ) -> None:
        """Send what *template* matches to *target*; *turns* order its mixed segments."""
        parameters = _parameters(template)
        parameters = self._parameters.setdefault(parameters, parameters)
        self._add(template.segments, 1, Route(target, parameters), turns, constraints)

    def _add(
        self,
        segments: Sequence[Segment],
        place: int,
        route: Route[T],
        turns: Iterator[int],
        constraints: Constraints,
    ) -> None:
        """*place*: where the first of *segments* is in the parts of a path."""
        whole = list(takewhile(lambda segment: segment.rank != MIXED_RANK, segments))
        shape = self._shape(segments[: len(whole) + 1], place)
        key = shape.literals([""] * place + [segment.shape for segment in segments])
        place += len(whole)
        if len(whole) < len(segments):
            mixed, rest = segments[len(whole)], segments[len(whole) + 1 :]
            fork = shape.ends.get(key)
            if not isinstance(fork, _Fork):
                fork = shape.ends[key] = _Fork(place, self._host_of)
            shapes = fork.branch(next(turns), mixed)
            shapes._add(rest, place + len(mixed.kinds), route, turns, constraints)
            return
        is_path = whole and whole[-1].rank == PATH.rank
        end: _End[T] = _Tail(place - 1, route) if is_path else route
        shape.put(key, end, constraints, self._host_of)

    def _shape(self, segments: Sequence[Segment], place: int) -> _Shape[T]:
        ranks = tuple(segment.rank for segment in segments)
        if ranks in self._known:
            return self._known[ranks]
        last = place + len(ranks) - 1
        literals = _taker(
            [place for place, rank in enumerate(ranks, place) if rank == LITERAL_RANK]
        )
        if ranks and ranks[-1] in (MIXED_RANK, PATH.rank):
            shape = _Shape[T](ranks, _from_longer(last, literals))
            orders = [self._open, *self._by_length.values()]
        else:
            shape = _Shape(ranks, literals)
            lengths = (last + 1,) if ranks else (last + 1, last)  # an empty path is the root
            orders = [self._by_length.setdefault(length, [*self._open]) for length in lengths]
        for order in orders:
            insort(order, shape, key=attrgetter("ranks"))
        self._known[ranks] = shape
        return shape


def _taker(places: Sequence[int]) -> Callable[[Parts], object]:
    """Takes the parts at *places*; without any, the empty one before the first slash."""
    return itemgetter(*places or (0,))


def _from_longer(last: int, take: Callable[[Parts], object]) -> Callable[[Parts], object]:
    """*take*, or None from parts that end before the place *last*."""
    return lambda parts: take(parts) if len(parts) > last else None


def _parameters(template: PathTemplate) -> _Parameters:
    """A mixed segment takes a place for each of its parameters, see `_Fork`."""
    taken = [kind for segment in template.segments for kind in segment.kinds or (None,)]
    places = [place for place, kind in enumerate(taken, 1) if kind is not None]
    return tuple(
        (name, place, kind.read)
        for place, (name, kind) in zip(places, template.parameters.items(), strict=True)
    )
