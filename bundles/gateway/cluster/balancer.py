"""Which node gets the next call or event."""

import random
from collections.abc import Collection, Hashable, Sequence
from typing import Literal, TypeVar

T = TypeVar("T")

Balancing = Literal["round_robin", "random"]


class Balancer:
    """Chooses once for each attempt of a call: round robin for each action, or at random."""

    def __init__(self, balancing: Balancing) -> None:
        self._is_random = balancing == "random"
        self._turns: dict[Hashable, int] = {}

    def choose(self, key: Hashable, candidates: Sequence[T]) -> T:
        """Return the next of *candidates*, which are not empty; *key* is what they offer."""
        if len(candidates) == 1:
            return candidates[0]
        if self._is_random:
            return random.choice(candidates)
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        return candidates[turn % len(candidates)]

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget the turns of all others than *keys*."""
        for key in self._turns.keys() - keys:
            del self._turns[key]
