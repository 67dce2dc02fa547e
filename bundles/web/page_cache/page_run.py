"""One run of handlers, whose response becomes a page."""

import asyncio
from collections.abc import Callable, Iterable

from bundles.web.page_cache.page import Page, is_personal, varies_by
from rxkernel import Request, Response, Serializer

Keep = Callable[[Page, Iterable[str], float], None]


class PageRun:
    """What ``client.cache`` has begun.

    Attributes:
        seconds: how long the page is kept; 0 for not at all.

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
        """Keep *response*, which the handlers have made, when the message has succeeded.

        Not if it is a stream, a file or an error, or sets a cookie, also one that a
        session adds later.

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
        """Let the requests run that have waited for the page; they use it if it was kept."""
        if not self._released.done():
            self._released.set_result(None)

    async def wait(self) -> None:
        """Return when the run was released."""
        await asyncio.wait({self._released})
