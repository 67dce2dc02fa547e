"""Retries that do not wait."""

import attrs

from bundles.gateway import Retries


@attrs.frozen
class Pauses(Retries):
    """
    Attributes:
        seconds: each pause that was asked for.
    """

    seconds: list[float] = attrs.field(factory=list)

    async def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)
