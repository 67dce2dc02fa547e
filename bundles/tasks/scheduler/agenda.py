"""The due times of all tasks, in a heap: the next one is found at once."""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush


class Agenda:
    """At most one time for each id. A time that was replaced stays in the heap until it comes up,
    or until such times are more than half of it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._moments: dict[str, float] = {}

    def __len__(self) -> int:
        """The number of times in the heap, with those that were replaced."""
        return len(self._heap)

    def put(self, id: str, moment: float) -> None:
        """Set the time of *id*."""
        if self._moments.get(id) == moment:
            return
        self._moments[id] = moment
        heappush(self._heap, (moment, id))
        if len(self._heap) > 2 * len(self._moments) + 16:
            self._heap = [(moment, id) for id, moment in self._moments.items()]
            heapify(self._heap)

    def remove(self, id: str) -> None:
        self._moments.pop(id, None)

    def clear(self) -> None:
        self._heap.clear()
        self._moments.clear()

    @property
    def next(self) -> float | None:
        """The earliest time."""
        heap = self._heap
        while heap:
            moment, id = heap[0]
            if self._moments.get(id) == moment:
                return moment
            heappop(heap)
        return None

    def take(self, moment: float) -> Iterator[tuple[str, float]]:
        """Remove and yield each id whose time is not after *moment*, with that time."""
        while (earliest := self.next) is not None and earliest <= moment:
            found, id = heappop(self._heap)
            del self._moments[id]
            yield id, found
