"""`ResultStream`: the result of an action that returns a stream."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Self


class ResultStream(AsyncIterator[Any]):
    """Iterate over it to read the pieces: bytes, or JSON values for a stream of objects from Node.

    Read it to its end, or close it.
    """

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def aclose(self) -> None:
        """Stop reading; does nothing after the end."""
