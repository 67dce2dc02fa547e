"""The error of a call, as it is sent to a client."""

from collections.abc import Callable
from typing import Any

import attrs

from rxkernel import Request, Response


@attrs.frozen
class CallError:
    """The error of one call.

    Attributes:
        packet: the value of ``error`` in the callback.
        status: the status of the response, if the call came over HTTP.
    """

    packet: dict[str, Any]
    status: int


ErrorOf = Callable[[Response, Request], CallError]
"""Makes the error from the kernel's response, which has a status of 400 or more."""
