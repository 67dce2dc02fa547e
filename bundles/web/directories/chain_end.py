"""The exception by which a handler ends a chain."""

from typing import Any


class ChainEnd(BaseException):
    """Raised by ``client.end()``: the result is *result*, and only the stage ``end`` runs.

    It is not an Exception, so that ``except Exception`` in a handler does not catch it.
    """

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result


Ended = ChainEnd | BaseExceptionGroup[BaseException]
"""The exception of ``client.end()``, also inside the group that an `asyncio.TaskGroup` raises."""

ENDED = (ChainEnd, BaseExceptionGroup)
"""`Ended` for ``except``."""


def result_of(error: Ended) -> Any:
    """Return the result of the first `ChainEnd` in *error*.

    Raises:
        BaseException: another exception in *error*, which has priority.
    """
    if isinstance(error, ChainEnd):
        return error.result
    finished, others = error.split(ChainEnd)
    if finished is None:
        raise error
    if others is not None:
        raise others
    first: BaseException = finished
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first.result  # type: ignore[attr-defined]  # split() has found a `ChainEnd`
