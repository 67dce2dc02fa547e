"""One run of handlers whose response becomes a page."""

import asyncio
from collections.abc import Callable, Iterable

from bundles.web.page_cache.page import Page, is_personal, varies_by
from rxkernel import Request, Response, Serializer

Keep = Callable[[Page, Iterable[str], float], None]


class PageRun:
    """The run of a request that has called ``client.cache``.

    Attributes:
        seconds: for which the page is kept; 0: it is not kept.

    Args:
        keep: called with the page, the request headers that it depends on, and the seconds.
    """

    def __init__(
        self, request: Request, serializer: Serializer, keep: Keep, seconds: float
    ) -> None:
        self.seconds = seconds
        self._request = request
        self._serializer = serializer
        self._keep = keep
        self._released: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finish(self, response: Response) -> None:
        """Keep *response* of the handlers when the message has succeeded.

        It is not kept if it is a stream, a file or an error, or sets a cookie, including a cookie
        that a session adds later.

        Raises:
            TypeError, ValueError, RecursionError: its content cannot be encoded.
        """
        page = Page.of(response, self._serializer) if self.seconds else None
        if page is None:
            self.release()
            return
        varies = varies_by(response)

        async def keep(sent: Response) -> None:
            if not is_personal(sent):
                self._keep(page, varies, self.seconds)
            self.release()

        self._request.before_sending(keep)

    def release(self) -> None:
        """Wake the requests that wait for the page; they use it if it was kept."""
        if not self._released.done():
            self._released.set_result(None)

    async def wait(self) -> None:
        """Return when the run was released."""
        await asyncio.wait({self._released})
