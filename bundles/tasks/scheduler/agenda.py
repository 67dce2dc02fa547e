"""The due times of all tasks, in a heap, so that the next one is found at once."""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush


class Agenda:
    """Stores one time for each id. A replaced time stays in the heap until it is the earliest, or
    until more than half of the times in the heap are replaced ones."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._moments: dict[str, float] = {}

    def __len__(self) -> int:
        """The number of times in the heap, including replaced ones."""
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
        """Remove and yield each id that is due at *moment*, with its time."""
        while (earliest := self.next) is not None and earliest <= moment:
            found, id = heappop(self._heap)
            del self._moments[id]
            yield id, found
