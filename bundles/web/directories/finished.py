"""How a handler ends a chain."""

from typing import Any


class Finished(BaseException):
    """Raised by ``client.end()``: the result is *result*, and only the stage ``end`` runs.

    It is not an Exception, so that ``except Exception`` in a handler does not catch it.
    """

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result


Ended = Finished | BaseExceptionGroup[BaseException]
"""What ``client.end()`` raises in a handler, and what an `asyncio.TaskGroup` makes of it."""

ENDED = (Finished, BaseExceptionGroup)
"""`Ended` for ``except``."""


def result_of(error: Ended) -> Any:
    """Return the result of the first `Finished` in *error*.

    Raises:
        BaseException: another exception in *error*, which counts more.
    """
    if isinstance(error, Finished):
        return error.result
    finished, others = error.split(Finished)
    if finished is None:
        raise error
    if others is not None:
        raise others
    first: BaseException = finished
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first.result  # type: ignore[attr-defined]  # that is what split() has looked for
