"""The error of a call, as clients receive it."""

from collections.abc import Callable
from typing import Any

import attrs

from rxkernel import Request, Response


@attrs.frozen
class CallError:
    """The error of one call.

    Attributes:
        packet: the value of ``error`` in the callback.
        status: that of the response over HTTP.
    """

    packet: dict[str, Any]
    status: int


ErrorOf = Callable[[Response, Request], CallError]
"""Returns the error for the kernel's response, which has a status of 400 or more."""
