"""The header with the id of an HTTP request: read from aiohttp's requests, added to its responses.

`RequestIdHeader` (``http/request_id_header.py``) reads it. This module is not in ``response/``,
because the connections below also respond to requests that cannot be parsed.
"""

from aiohttp import web

from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import new_request_id
from rxkernel.servers.http.request_id_header import RequestIdHeader

_ID = web.RequestKey("rxkernel.request_id", str)


def kernel_request(native: web.BaseRequest) -> Request | None:
    """The kernel's request of *native*; None on a native route."""
    request = current_request.get()
    return request if request is not None and request.native is native else None


class NativeRequestIdHeader(RequestIdHeader):
    """Reads ids from aiohttp's requests and adds them to aiohttp's responses."""

    def id_of(self, native: web.BaseRequest) -> str:
        """The id of *native*: the id of the kernel's request, if it has one. Every call returns
        the same id."""
        if (request := kernel_request(native)) is not None:
            return request.id
        if _ID not in native:
            native[_ID] = self.from_headers(native.headers) or new_request_id()
        return native[_ID]

    def headers(self, native: web.BaseRequest) -> dict[str, str]:
        """The header with the id, for a response to *native*; empty if ids are not sent."""
        return {} if self.name is None else {self.name: self.id_of(native)}

    def add_to(self, out: web.StreamResponse, native: web.BaseRequest) -> None:
        """Set the header with the id on *out*, the response to *native*. Any other value is
        replaced, so the client and the log have the same id."""
        if self.name is not None:
            out.headers[self.name] = self.id_of(native)

    async def on_prepare(self, native: web.Request, out: web.StreamResponse) -> None:
        """Call `add_to` as a listener of ``on_response_prepare``.

        Such a listener makes each response of an engine three times as expensive. Only responses
        that their handler prepares need it.
        """
        self.add_to(out, native)
