"""Chooses the node for the next call or event."""

import random
from collections.abc import Collection, Hashable, Sequence
from typing import Literal, TypeVar

T = TypeVar("T")

Balancing = Literal["round_robin", "random"]


class Balancer:
    """Chooses a node for each attempt of a call, in turn for each action or at random."""

    def __init__(self, balancing: Balancing) -> None:
        self._is_random = balancing == "random"
        self._turns: dict[Hashable, int] = {}

    def choose(self, key: Hashable, candidates: Sequence[T]) -> T:
        """Return the next of *candidates*, of which there is at least one. *key*: what they offer,
        such as the name of an action."""
        if len(candidates) == 1:
            return candidates[0]
        if self._is_random:
            return random.choice(candidates)
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        return candidates[turn % len(candidates)]

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget the turns of all keys but *keys*."""
        for key in self._turns.keys() - keys:
            del self._turns[key]
