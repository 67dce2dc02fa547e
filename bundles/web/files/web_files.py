"""The static files of the tree: every file that is not a handler, a template or hidden."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from bundles.autoload.places.api_paths import ApiPaths
from bundles.web.templates.template_file import SUFFIXES
from rxkernel import HttpMetadata, NotFoundException, Request, Response, StaticFiles

_HIDDEN = (".py", ".pyc", *SUFFIXES)

NAME = "web_files"


@attrs.frozen(eq=False)
class WebFiles(StaticFiles):
    """The files below ``app``. Its routes belong to those of the tree, with which they change.

    Paths of *api* are never files.
    """

    api: ApiPaths = attrs.field(kw_only=True)

    def routes(self) -> Iterator[HttpMetadata]:
        """None: they depend on the handlers, see `file_routes`."""
        return iter(())

    async def response(self, request: Request, path: str) -> Response:
        """As `StaticFiles.response`, without the files of the tree. A path that has a handler for
        another method is 405."""
        if self.api.contain(path):
            raise self.api.error_for(path)
        try:
            return await self._file(request, path)
        except NotFoundException:
            raise self.api.error_for(path) from None

    async def _file(self, request: Request, path: str) -> Response:
        if path.endswith(_HIDDEN) or "__pycache__" in path.split("/"):
            raise NotFoundException
        return await super().response(request, path)

    async def existing(self, request: Request, path: str) -> Response | None:
        """Return the response with the file *path*, which counts more than a virtual path; None
        if it does not exist."""
        try:
            return await self._file(request, path)
        except NotFoundException:
            return None


def web_files(root: Path, api: ApiPaths) -> WebFiles:
    """Return the files below *root*."""
    return WebFiles(root, name=NAME, api=api)


def file_routes(files: WebFiles, options: Mapping[str, Any]) -> tuple[HttpMetadata, HttpMetadata]:
    """Return the route of all files, and that of the index of the root, which is served unless
    there is a handler for it."""
    path = f"{files.path.rstrip('/')}/{{path:path}}"
    return (
        HttpMetadata(files, NAME, path, "GET", files.send_file, options),
        HttpMetadata(files, f"{NAME}_index", "/", "GET", files.send_index, options),
    )
