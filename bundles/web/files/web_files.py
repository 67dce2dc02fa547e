"""The static files of the tree: every file that is not code, a template or hidden."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from bundles.autoload.places.site import VIRTUAL, Site
from bundles.web.directories.old_handlers import has_old_name
from bundles.web.files.folder_pages import FolderPages
from bundles.web.files.loaded_rules import LoadedRules
from bundles.web.files.public_names import is_code, plain_name
from rxkernel import HttpMetadata, NotFoundException, Request, Response, StaticFiles

NAME = "web_files"
"""The name of the route; the route of the root is ``web_files_index``."""

FILE_PARAMETER = "path"
"""The parameter of the route with the path of the file."""

_INDEX = "index.html"

FileRoutes = tuple[HttpMetadata, ...]


@attrs.frozen(eq=False)
class WebFiles(Site):
    """The files below ``app``, with ``.virtual.html`` for missing paths. Its routes are a part of
    the routes of the tree, with which they change.

    A path without a file that has routes for other methods is 405. The pages of errors are sent
    by `ErrorPageFiles`, since a handler ``error`` has priority.
    """

    pages: FolderPages = attrs.field(kw_only=True)
    rules: LoadedRules = attrs.field(init=False)

    @rules.default
    def _rules_of_root(self) -> LoadedRules:
        return LoadedRules(self.root)

    def routes(self) -> Iterator[HttpMetadata]:
        """No routes: their rules depend on the access files, see `file_routes`."""
        return iter(())

    def is_public(self, name: str) -> bool:
        return not is_code(name) and super().is_public(name)

    def is_endpoint(self, path: str) -> bool:
        return bool(self.api.methods_of(path))

    async def response(self, request: Request, path: str) -> Response:
        """As `Site.response`; handlers of Impress in a folder with handlers are not found.

        Raises:
            ServiceUnavailableException: an access file for *path* is not loaded.
        """
        self._check_old(path)
        found = await super().response(request, path)
        await self._check_rules(path)
        return found

    def lists(self, folder: str) -> bool:
        return self.pages.introduces(folder) or self.pages.lists_files(folder)

    async def folder_page(self, request: Request, folder: str) -> Response | None:
        """Return the introduction of *folder*, else the list of its files."""
        page = self.pages.introduction_of(request, folder)
        if page is None and self.pages.lists_files(folder):
            page = await super().folder_page(request, folder)
        return page

    def _check_old(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if has_old_name(plain_name(name)) and self.pages.has_handlers(folder):
            raise NotFoundException

    async def existing(self, request: Request, path: str) -> Response | None:
        """Return the response with the file *path*, or with the index of a folder, which has
        priority over a virtual path; None if the file does not exist.

        Raises:
            PreconditionFailedException, RangeNotSatisfiableException: as `response`.
        """
        if not path or path[-1] == "/":
            path += _INDEX
        try:
            self._check_old(path)
            found = await StaticFiles.response(self, request, path)
        except NotFoundException:
            return None
        await self._check_rules(path)
        return found

    async def _check_rules(self, path: str) -> None:
        if not self.rules.is_checked(path):
            await asyncio.to_thread(self.rules.check, path)


def file_routes(
    files: WebFiles, options: Mapping[str, Any], of_root: Mapping[str, Any]
) -> FileRoutes:
    """Return the route of all files, and the route of the index of the root, which is served
    unless the root has a handler.

    Args:
        options: of the first route.
        of_root: the options of the second route, which has no parameter.
    """
    return (
        HttpMetadata(files, NAME, f"/{{{FILE_PARAMETER}:path}}", "GET", "send_file", options),
        HttpMetadata(files, f"{NAME}_index", "/", "GET", "send_index", of_root),
    )


def web_files(root: Path, **fields: Any) -> WebFiles:
    """Return the files below *root*."""
    return WebFiles(root, name=NAME, index=_INDEX, missing=(VIRTUAL,), **fields)
