"""The interface that counts the calls of each key."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from limits import RateLimitItem


class Counts(ABC):
    """Counts calls by a sliding window: the calls of the current window, and a share of those of
    the previous one, by the part of it that lies within the last period. It needs two numbers for
    each key, for any rate, and does not allow twice the rate at the border of two windows.

    Windows begin at multiples of the period since 1970.
    """

    @abstractmethod
    async def take(self, rates: Sequence[tuple[RateLimitItem, str]]) -> float:
        """Count a call for all *rates*, each with its key, and return 0. If one of them does not
        allow it, count nothing, and return the seconds after which the next call may be allowed,
        greater than 0."""
