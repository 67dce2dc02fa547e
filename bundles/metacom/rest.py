"""Packets in the responses of the routes ``/api/<unit>/<method>`` of autoload, as Impress sends
them."""

from collections.abc import Mapping
from typing import Any

from injector import inject
from multidict import MultiDict

from bundles.metacom.compat import profile_of
from bundles.metacom.rest_routes import is_rest
from bundles.metacom.settings import MetacomSettings
from rxkernel import (
    KernelEvents,
    RequestEvent,
    Response,
    ResponseEvent,
    observe,
)

_LAST = -1000
"""The priority in ``kernel.response``: after the listeners that read or change the content."""

_ID = 0
"""The id of each callback, since these requests have no id."""


class RestPackets:
    """Wraps results and errors, for ``metacom.rest = "packets"``."""

    @inject
    def __init__(self, settings: MetacomSettings) -> None:
        self._error_of = profile_of(settings)

    @observe(KernelEvents.KERNEL_REQUEST, priority=1000, only=is_rest)
    async def prefer_body(self, event: RequestEvent) -> None:
        """Remove the parameters of the query that the body has too."""
        request = event.request
        if isinstance(request.body, Mapping) and request.params:
            params, body = request.params, request.body
            kept = ((name, value) for name, value in params.items() if name not in body)
            request.params = MultiDict(kept)

    @observe(KernelEvents.KERNEL_RESPONSE, priority=_LAST, only=is_rest)
    async def wrap(self, event: ResponseEvent) -> None:
        """Replace the content by a callback, and keep the headers."""
        response = event.response
        if response.is_streamed:
            return
        packet: dict[str, Any] = {"type": "callback", "id": _ID}
        if response.status_code < 400:
            status, packet["result"] = 200, response.content
        else:
            error = self._error_of(response, event.request)
            status, packet["error"] = error.status, error.packet
        wrapped = Response(packet, status)
        if response.has_headers:
            wrapped.headers = response.headers
            wrapped.headers.pop("Content-Type", None)
        event.set_response(wrapped)
