"""Pauses between retries that end at once."""

import attrs

from bundles.gateway import Retries


@attrs.frozen
class Pauses(Retries):
    """
    Attributes:
        seconds: the length of each pause.
    """

    seconds: list[float] = attrs.field(factory=list)

    async def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)
