"""The id of a request over HTTP: taken from the client, given back with every answer."""

from aiohttp import web

from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import new_request_id
from rxkernel.servers.http.request_ids import RequestIds

_ID = web.RequestKey("rxkernel.request_id", str)


def kernel_request(native: web.BaseRequest) -> Request | None:
    """The kernel's request for aiohttp's; None where a native route answers."""
    request = current_request.get()
    return request if request is not None and request.native is native else None


class NativeRequestIds(RequestIds):
    """Reads and writes the header of aiohttp's requests and responses."""

    def of(self, native: web.BaseRequest) -> str:
        """The id of *native*, the same each time; that of the kernel's request if there is one."""
        if (request := kernel_request(native)) is not None:
            return request.id
        if _ID not in native:
            native[_ID] = self.given(native.headers) or new_request_id()
        return native[_ID]

    def headers(self, native: web.BaseRequest) -> dict[str, str]:
        """What every answer to *native* has."""
        return {} if self.name is None else {self.name: self.of(native)}

    def write(self, native: web.BaseRequest, out: web.StreamResponse) -> None:
        """Put the id on an answer before it leaves, over any other that stands there: what the
        client is told and what the log says are one."""
        if self.name is not None:
            out.headers[self.name] = self.of(native)

    async def mark(self, native: web.Request, out: web.StreamResponse) -> None:
        """`write` as a listener of ``on_response_prepare``. It costs every answer of an engine
        three times as much, so it is for those that begin to leave before they can be seen."""
        self.write(native, out)
