"""The cache of pages of an application."""

from collections.abc import Callable, Iterable

import attrs

from bundles.clock import Clock
from bundles.web.page_cache.lifetime import seconds_of
from bundles.web.page_cache.page import Page
from bundles.web.page_cache.page_key import NEGOTIATED, PageKey, page_key
from bundles.web.page_cache.page_run import PageRun
from rxkernel import Request, Response, Serializer

_METHODS = ("GET", "HEAD")


@attrs.frozen
class _Kept:
    page: Page
    expires: float


class PageCache:
    """Keeps responses by their `page_key`. The least recently used one is removed first.

    Attributes:
        routes: the names of the routes that have or had pages, each with the request headers that
            these depend on. `find` is needed only for their requests.

    Args:
        session_id: returns the id of the session that the client of a request has sent, or None.
        size: most bytes of all pages, approximately.
        entries: most pages.
    """

    def __init__(
        self,
        serializer: Serializer,
        clock: Clock,
        session_id: Callable[[Request], str | None],
        *,
        size: int,
        entries: int,
    ) -> None:
        self.routes: dict[str | None, tuple[str, ...]] = {}
        self._serializer = serializer
        self._now = clock.monotonic
        self._session_id = session_id
        self._most_bytes = size
        self._most_pages = entries
        self._pages: dict[PageKey | None, _Kept] = {}  # in the order of their last use
        self._running: dict[PageKey, PageRun] = {}
        self._size = 0
        self._generation = 0

    async def find(self, request: Request) -> Response | None:
        """Return the page for *request*; None if the handlers must run.

        While another request for the same page runs, and has called ``client.cache``, this waits
        for its response.
        """
        key = self._key_of(request)
        if key is None:
            return None
        page = self._read(key)
        if page is None and (run := self._running.get(key)) is not None:
            await run.wait()
            page = self._read(self._key_of(request))  # its response may have added header names
        return None if page is None else page.response()

    def begin(self, request: Request, lifetime: float | str) -> PageRun | None:
        """Return a run that keeps the response to *request* for *lifetime*, see `seconds_of`.

        Returns None if the response must not be kept: the method is not GET or HEAD, *lifetime* is
        0, or *request* has no `page_key`.

        Raises:
            ValueError: *lifetime* is invalid.
        """
        seconds, generation = seconds_of(lifetime), self._generation
        key = self._key_of(request)
        if request.method not in _METHODS or not seconds or key is None:
            return None
        self.routes.setdefault(request.route_name, NEGOTIATED)

        def keep(page: Page, varies: Iterable[str], seconds: float) -> None:
            if generation == self._generation:
                self._keep(request, page, varies, seconds)

        run = PageRun(request, self._serializer, keep, seconds)
        if key not in self._running:
            self._running[key] = run

        def end() -> None:
            if self._running.get(key) is run:
                del self._running[key]
            run.release()

        request.when_ended(end)
        return run

    def clear(self) -> None:
        """Remove all pages. Runs that have begun before do not keep theirs."""
        self._generation += 1
        self.routes.clear()
        self._pages.clear()
        self._running.clear()
        self._size = 0

    @property
    def size(self) -> int:
        """The approximate bytes of all pages."""
        return self._size

    def __len__(self) -> int:
        return len(self._pages)

    def _key_of(self, request: Request) -> PageKey | None:
        varies = self.routes.get(request.route_name, NEGOTIATED)
        return page_key(request, varies, self._session_id(request))

    def _keep(self, request: Request, page: Page, varies: Iterable[str], seconds: float) -> None:
        """Keep *page*, which also depends on the request headers *varies*."""
        name = request.route_name
        self.routes[name] = (*dict.fromkeys((*self.routes.get(name, NEGOTIATED), *varies)),)
        key = self._key_of(request)
        self._remove(key)
        if key is None or page.size > self._most_bytes:
            return
        self._pages[key] = _Kept(page, self._now() + seconds)
        self._size += page.size
        while self._size > self._most_bytes or len(self._pages) > self._most_pages:
            self._remove(next(iter(self._pages)))

    def _read(self, key: PageKey | None) -> Page | None:
        kept = self._pages.get(key)
        if kept is None:
            return None
        if self._now() >= kept.expires:
            self._remove(key)
            return None
        self._pages[key] = self._pages.pop(key)
        return kept.page

    def _remove(self, key: PageKey | None) -> None:
        removed = self._pages.pop(key, None)
        if removed is not None:
            self._size -= removed.page.size
