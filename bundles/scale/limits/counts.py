"""What counts the calls of each key."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from limits import RateLimitItem


class Counts(ABC):
    """Counts calls by a sliding window: those of the current window, and those of the one before
    by the part of it that the last *rate* period overlaps. It needs two numbers for each key,
    whatever the rate, and does not allow twice the rate at the border of two windows.

    Windows begin at multiples of the period since 1970.
    """

    @abstractmethod
    async def take(self, rates: Sequence[tuple[RateLimitItem, str]]) -> float:
        """Count a call for all *rates*, each with its key, and return 0; or, if one of them does
        not allow it, count it for none, and return the seconds after which the next call may be
        allowed, greater than 0."""
