"""When a failed call is repeated."""

import asyncio
import random

import attrs


@attrs.frozen
class Retries:
    """The pauses between attempts: they double, up to a limit, and are spread at random so that
    callers which failed together do not return together.

    Attributes:
        first, longest: seconds.
    """

    first: float = 0.1
    longest: float = 1.0

    def delay(self, attempt: int) -> float:
        """The seconds before attempt number *attempt*, of which the first repetition is 1."""
        full: float = min(self.first * 2.0 ** min(attempt - 1, 30), self.longest)
        return full * random.uniform(0.75, 1.0)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def is_retryable(exc: Exception) -> bool:
    """Whether the call that raised *exc* may be repeated: its attribute ``retryable`` is True."""
    return getattr(exc, "retryable", False) is True
