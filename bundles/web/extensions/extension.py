"""The extension of a directory: ``users.json`` answers JSON."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from rxkernel import Response

Rendered = str | bytes | Response | None

Render = Callable[[Any, Any], Rendered | Awaitable[Rendered]]
"""Takes the `Client` and the result of the handlers, None without one, and returns the body.
A `Response` is sent as it is. None: there is nothing to send, 204."""


@attrs.frozen(eq=False)
class Extension:
    """How the results of a directory with this extension are sent.

    Args:
        name: without the dot.
        content_type: that of texts and bytes which *render* returns.
        render: may be ``async def``.
    """

    name: str
    content_type: str
    render: Render
