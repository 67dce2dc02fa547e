"""How a handler ends a chain."""

from typing import Any


class Finished(BaseException):
    """Raised by ``client.end()``: the result is *result*, and only the stage ``end`` runs.

    It is not an Exception, so that ``except Exception`` in a handler does not catch it.
    """

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result
