"""The place ``static``: the kernel's service for files, with pages for missing paths."""

import asyncio
import logging
from collections.abc import Sequence
from os.path import isdir, isfile, islink

import attrs

from bundles.autoload.places.api_paths import ApiPaths
from rxkernel import (
    DefinitionEvent,
    FileResponse,
    KernelEvents,
    NotFoundException,
    Request,
    Response,
    StaticFiles,
    observe,
)

logger = logging.getLogger(__name__)

_PAGES = ((".virtual.html", 200), (".404.html", 404))
"""The pages for missing paths below their folder, and their status; the first one that exists."""

_EARLY = 2000
"""Before the listeners that read the option."""


@attrs.frozen(eq=False)
class Site(StaticFiles):
    """The files of ``static``, which have no access rule. Paths of *api* are never files."""

    api: ApiPaths = attrs.field(kw_only=True)

    async def response(self, request: Request, path: str) -> Response:
        """As `StaticFiles.response`. For a missing path a browser gets the page of the nearest
        folder that has one: ``.virtual.html``, else ``.404.html``. While the folder itself is
        missing, since the root is moved or replaced, every path is 404. A path at which a bundle
        responds to POST is 405, unless it has a file."""
        if self.api.contain(path):
            raise self.api.error_for(path)
        try:
            return await super().response(request, path)
        except NotFoundException:
            if self.api.is_handled(path):
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

    def _page_for(self, path: str) -> Response | None:
        folders = _folders(str(self.root), path)
        for name, status in _PAGES:
            for folder in folders:
                page = f"{folder}/{name}"
                if isfile(page) and not islink(page):
                    headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
                    return FileResponse(page, status, headers)
        return None

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_EARLY)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        """Set the option of routes that need no access rule."""
        if event.definition.metadata.target is self:
            event.set_option("public", True)


def _folders(root: str, path: str) -> Sequence[str]:
    """Return the folders of *path* that exist, the nearest first. Links are not followed."""
    found = [root]
    for name in path.split("/")[:-1]:
        folder = f"{found[-1]}/{name}"
        if name in ("", ".", "..") or islink(folder) or not isdir(folder):
            break
        found.append(folder)
    return found[::-1]
