"""Decides whether a failed call is repeated, and after which delay."""

import asyncio
import random

import attrs


@attrs.frozen
class Retries:
    """The delays between attempts. They double, up to a limit, and are random, so that callers
    that failed at the same time do not repeat their calls at the same time.

    Attributes:
        first, longest: seconds.
    """

    first: float = 0.1
    longest: float = 1.0

    def delay(self, attempt: int) -> float:
        """Return the seconds before repetition number *attempt*, which begins with 1."""
        full: float = min(self.first * 2.0 ** min(attempt - 1, 30), self.longest)
        return full * random.uniform(0.75, 1.0)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def is_retryable(exc: Exception) -> bool:
    """Whether the call that raised *exc* may be repeated: its attribute ``retryable`` is True."""
    return getattr(exc, "retryable", False) is True
