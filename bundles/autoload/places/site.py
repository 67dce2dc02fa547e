"""The place ``static``: the kernel's service for files, with pages for missing paths."""

import asyncio
import logging
from collections.abc import Sequence
from os.path import isfile, islink

import attrs

from bundles.autoload.places.api_paths import ApiPaths
from bundles.autoload.places.nearest_pages import nearest_page
from rxkernel import (
    DefinitionEvent,
    KernelEvents,
    NotFoundException,
    Request,
    Response,
    StaticFiles,
    observe,
)

logger = logging.getLogger(__name__)

VIRTUAL = (".virtual.html", 200)
_PAGES = (VIRTUAL, (".404.html", 404))

_EARLY = 2000
"""The priority before the listeners that read the option."""


@attrs.frozen(eq=False)
class Site(StaticFiles):
    """The files of ``static``, which have no access rule. Paths of *api* are never files.

    Attributes:
        missing: the names of pages for missing paths, with their status; the first page that
            exists is sent.
    """

    api: ApiPaths = attrs.field(kw_only=True)
    missing: Sequence[tuple[str, int]] = attrs.field(default=_PAGES, kw_only=True)

    async def response(self, request: Request, path: str) -> Response:
        """Return the response to *request*. For a missing path, a browser gets the page of the
        nearest folder that has one: ``.virtual.html``, or else ``.404.html``. While the folder
            itself
        is missing, since the root is being moved or replaced, every path is 404. A path without a
        file at which a bundle responds to POST is 405."""
        if self.api.contain(path):
            raise self.api.error_for(path)
        try:
            return await super().response(request, path)
        except NotFoundException:
            if self.is_endpoint(path):
                raise self.api.error_for(path) from None
            page = None
            if self.is_page(request, path):
                page = await asyncio.to_thread(self._page_for, path)
            if page is None:
                raise
            return page
        except FileNotFoundError as exc:
            logger.warning("responded with 404 for %r: %s does not exist", path, self.root)
            raise NotFoundException from exc

    async def has_own_page(self, request: Request, folder: str) -> bool:
        """Whether *request*, of a browser, is for a folder that has a ``.virtual.html``."""
        if VIRTUAL not in self.missing or not self.is_page(request, folder):
            return False
        path = f"{self.root}/{folder}/{VIRTUAL[0]}"
        return await asyncio.to_thread(lambda: isfile(path) and not islink(path))

    def is_endpoint(self, path: str) -> bool:
        """Whether *path*, which has no file, is an endpoint for another method."""
        return self.api.is_handled(path)

    def _page_for(self, path: str) -> Response | None:
        root = str(self.root)
        for name, status in self.missing:
            if (page := nearest_page(root, path, name, status)) is not None:
                return page
        return None

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_EARLY)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        """Set the option of routes without an access rule."""
        if event.definition.metadata.target is self:
            event.set_option("public", True)
