"""Serves the files of a folder: the one service for applications and bundles."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from time import monotonic
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel.events.observe import observe
from rxkernel.exceptions import NotFoundException
from rxkernel.kernel.events import CompiledEvent, KernelEvents
from rxkernel.messages.content_types import BYTES, file_type
from rxkernel.messages.public_path import is_public_name, public_path
from rxkernel.messages.request import Request
from rxkernel.messages.response import FileResponse, Response
from rxkernel.messages.stored_response import stored_response
from rxkernel.messages.vary import vary
from rxkernel.routing.metadata import HttpMetadata
from rxkernel.routing.route_source import RouteSource
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.accepts_html import accepts_html
from rxkernel.servers.http.files.file_cache import FileCache, FileCacheSettings
from rxkernel.servers.http.files.file_response import plan_parts
from rxkernel.servers.http.files.folder_listing import list_folder, listing_response
from rxkernel.servers.http.files.public_files import public_files
from rxkernel.servers.http.files.representations import (
    FileReader,
    FileReading,
    FolderFound,
    Representation,
    accepted_codings,
)
from rxkernel.servers.http.files.slash_redirect import slash_redirect
from rxkernel.servers.http.files.static_checks import check_static_files

_YEAR = 31_536_000
_PRELOADED_FOR = ((), ("br", "zstd", "gzip"))
"""The accepted codings for which files are preloaded: no coding, and the codings of browsers."""

Found = FileReading | FolderFound | None


def _path_of(given: str | os.PathLike[str] | Traversable) -> Any:
    """Return the absolute path; other values are unchanged and reported at boot."""
    return Path(given).absolute() if isinstance(given, str | os.PathLike) else given


@attrs.frozen(eq=False)
class StaticFiles(RouteSource):
    """The files below *root*, for GET and HEAD. Pass an instance in ``controllers``.

    It adds the route *name* for ``path/{path:path}``, and ``<name>_index`` for *path* itself. A
    bundle with routes of its own calls `response`. Hidden files, backups, symbolic links and all
    other paths that a `FileResponse` with a root rejects get 404.

    Args:
        root: the folder; may be the resources of an installed package.
        path: the URL path of the folder.
        name: the name of the route.
        index: the name of the file that is sent for a folder, or None.
        listing: whether a folder without *index* is listed, as a page or as JSON.
        fallback: the file that is sent to a browser that navigates to a path without a file, such
            as the page of a single-page application.
        max_age: seconds for which clients use their copy; with 0 they revalidate it each time.
        immutable: patterns of paths, such as ``assets/*``, of files whose content never changes
            under the same name.
        compress: whether files in memory are compressed, once each. Compressed files in the same
            folder, such as ``app.js.br``, ``.zst`` or ``.gz``, are always used.
        cache: the limits of the copies in memory.
        options: the options of the routes, as for `option`.
    """

    root: Path = attrs.field(converter=_path_of)
    path: str = attrs.field(default="/", kw_only=True)
    name: str = attrs.field(default="static", kw_only=True)
    index: str | None = attrs.field(default="index.html", kw_only=True)
    listing: bool = attrs.field(default=False, kw_only=True)
    fallback: str | None = attrs.field(default=None, kw_only=True)
    max_age: int = attrs.field(default=0, kw_only=True)
    immutable: Sequence[str] = attrs.field(default=(), kw_only=True)
    compress: bool = attrs.field(default=True, kw_only=True)
    cache: FileCacheSettings = attrs.field(factory=FileCacheSettings, kw_only=True)
    options: Mapping[str, Any] = attrs.field(default=MappingProxyType({}), kw_only=True)
    _files: FileCache = attrs.field(init=False, repr=False)
    _reader: FileReader = attrs.field(init=False, repr=False)
    _reading: dict[tuple[str, tuple[str, ...]], asyncio.Future[Found]] = attrs.field(
        factory=dict, init=False, repr=False
    )
    _accepted: Any = attrs.field(init=False, repr=False)

    @_files.default
    def _make_cache(self) -> FileCache:
        return FileCache(self.cache)

    @_reader.default
    def _make_reader(self) -> FileReader:
        return FileReader(self.root, self.cache.max_file_size, self.compress, self._cache_control)

    @_accepted.default
    def _make_accepted(self) -> Any:
        return lru_cache(maxsize=256)(accepted_codings)

    def check(self) -> None:
        """Check the arguments, and that the files exist; `routes` calls it. It blocks.

        Raises:
            ConfigurationError: lists every problem found.
        """
        check_static_files(
            self.root,
            index=self.index,
            fallback=self.fallback,
            max_age=self.max_age,
            immutable=self.immutable,
            cache=self.cache,
        )

    def routes(self) -> Iterator[HttpMetadata]:
        """See `RouteSource.routes`. *path* itself has a route only if there is a page for it."""
        self.check()
        base, options = self.path.rstrip("/"), self.options
        yield HttpMetadata(self, self.name, f"{base}/{{path:path}}", "GET", "send_file", options)
        if self.index is not None or self.listing or self.fallback is not None:
            name = f"{self.name}_index"
            yield HttpMetadata(self, name, base or "/", "GET", "send_index", options)

    async def send_file(self, request: Request) -> Response:
        """Send the file at the ``path`` of the request."""
        path = request.params["path"]
        stored = self._stored(request, path)
        return await self.response(request, path) if stored is None else stored

    async def send_index(self, request: Request) -> Response:
        """Send the index of the root."""
        if request.url and not _has_slash(request):
            return slash_redirect(request, "")
        return await self.response(request, "")

    async def response(self, request: Request, path: str) -> Response:
        """Return the response with the file at *path*, which is decoded and relative to the root.

        An empty path, or one that ends with ``/``, is a folder: its index is sent, or it is
        listed. A folder without the ``/`` is redirected to the URL with it.

        Raises:
            NotFoundException: the file does not exist, or may not be sent.
            PreconditionFailedException, RangeNotSatisfiableException: as for a `FileResponse`.
        """
        if (stored := self._stored(request, path)) is not None:
            return stored
        is_folder = not path or path[-1] == "/"
        if path:
            public_path(self.root, path.removesuffix("/"))
            if not all(map(self.is_public, path.removesuffix("/").split("/"))):
                raise NotFoundException
        accepted = self._accepted_codings(request)
        found: Found = None
        if (file := self._file_of(path)) is not None:
            found = await self._read(file, accepted)
        if isinstance(found, FileReading):
            return self._send(request, found.representation)
        if isinstance(found, FolderFound) and not is_folder:
            if _has_slash(request):  # ignored by a route of a bundle
                return await self.response(request, f"{path}/")
            if await self._has_page(request, path, accepted):
                return slash_redirect(request, path)
        elif is_folder and self.lists(folder := path.removesuffix("/")):
            page = await self.folder_page(request, folder)
            if page is not None:
                return page
        if self.fallback is not None and path != self.fallback and self.is_page(request, path):
            page = await self.response(request, self.fallback)
            vary(page.headers, hdrs.ACCEPT)
            return page
        raise NotFoundException

    def is_page(self, request: Request, path: str) -> bool:
        """Whether *fallback* is sent for *path*, which has no file.

        True if a browser opens it as a page: the request accepts HTML, and *path* does not name a
        file of another type, such as a missing script. A subclass may exclude more paths.
        """
        if not accepts_html(request):
            return False
        kind = file_type(PurePosixPath(path))
        return kind == BYTES or kind.startswith("text/html")

    def is_public(self, name: str) -> bool:
        """Whether files and folders with *name*, one part of a path, may be sent and listed. A
        subclass may exclude more names."""
        return is_public_name(name)

    async def has_own_page(self, request: Request, folder: str) -> bool:
        """Whether a subclass has a page for *folder*, relative to the root, other than its *index*
        and its list. If so, a URL without the slash is redirected to it."""
        return False

    def lists(self, folder: str) -> bool:
        """Whether *folder*, relative to the root, has a page even without *index*; by default the
        value of *listing*. A subclass may decide for each folder."""
        return self.listing

    async def folder_page(self, request: Request, folder: str) -> Response | None:
        """Return the page of *folder*, for which `lists` is true: the list of its files; None if
        it does not exist."""
        listing = await asyncio.to_thread(list_folder, self.root, folder, self.is_public)
        return None if listing is None else listing_response(request, folder, listing)

    async def preload(self) -> None:
        """Read the files into memory, as far as they fit. Boot calls it if the cache has
        ``preload``; a bundle with routes of its own must call it itself."""
        limit = self.cache.max_files
        for path in await asyncio.to_thread(public_files, self.root, limit, self.is_public):
            for accepted in _PRELOADED_FOR:
                await self._read(path, accepted)
            if self._files.is_full:
                return

    @observe(KernelEvents.KERNEL_COMPILED)
    async def on_compiled(self, event: CompiledEvent) -> None:
        """Preload before the servers listen; not again after a reload of the application."""
        if self.cache.preload and not self._files:
            await self.preload()

    def _file_of(self, path: str) -> str | None:
        """Return the path of the file to send for *path*; None for a folder without an index."""
        if path and path[-1] != "/":
            return path
        return None if self.index is None else path + self.index

    def _stored(self, request: Request, path: str) -> Response | None:
        """Return the response from memory, if the file is there and need not be compared with the
        disk. Most requests run only this code, so `_accepted_codings` and `_send` are inlined."""
        if not path or path[-1] == "/":
            if self.index is None:
                return None
            path += self.index
        headers = request.headers
        accepted: tuple[str, ...] = ()
        lines = headers.getall(hdrs.ACCEPT_ENCODING, None)
        is_range = hdrs.RANGE in headers
        if lines is not None and not is_range:
            accepted = self._accepted(tuple(lines))
        found = self._files.find(path, accepted)
        if found is None:
            return None
        if found.body is None or is_range:
            return self._send(request, found)
        return stored_response(found.body, found.stored)

    def _accepted_codings(self, request: Request) -> tuple[str, ...]:
        """Return the codings for the response; none for ranges, so that they are the same bytes
        for every client and after a restart."""
        headers = request.headers
        lines = headers.getall(hdrs.ACCEPT_ENCODING, None)
        if lines is None or hdrs.RANGE in headers:
            return ()
        accepted: tuple[str, ...] = self._accepted(tuple(lines))
        return accepted

    def _send(self, request: Request, found: Representation) -> Response:
        """Return the response with *found*. The server checks conditions without a range, as for
        every response with a validator."""
        body = found.body
        if body is None:
            return FileResponse(found.path, headers=found.stored.headers, root=self.root)
        if hdrs.RANGE not in request.headers:
            return stored_response(body, found.stored)
        headers = found.stored.headers.copy()
        plan = plan_parts(
            len(body), found.validators, 200, headers, request.method, request.headers
        )
        parts = [
            part if isinstance(part, bytes) else body[part.start : part.stop]
            for part in plan.parts
        ]
        return Response(b"".join(parts) if parts else None, plan.status, plan.headers)

    async def _read(self, path: str, accepted: tuple[str, ...]) -> Found:
        """Read *path* in a thread, and store it. Requests for the same file share one reading."""
        key = (path, accepted)
        loop = asyncio.get_running_loop()
        reading = self._reading.get(key)
        if reading is None or reading.get_loop() is not loop:
            known, began = self._files.known(path), monotonic()
            reading = loop.run_in_executor(None, self._reader.read, path, accepted, known)
            self._reading[key] = reading
            reading.add_done_callback(partial(self._store, key, began))
        return await asyncio.shield(reading)

    def _store(
        self,
        key: tuple[str, tuple[str, ...]],
        began: float,
        reading: "asyncio.Future[Found]",
    ) -> None:
        if self._reading.get(key) is reading:
            del self._reading[key]
        if reading.cancelled() or reading.exception() is not None:
            return
        found, (path, accepted) = reading.result(), key
        if isinstance(found, FileReading) and found.is_settled:
            self._files.store(path, accepted, found, began)
        else:
            self._files.drop(path)

    async def _has_page(self, request: Request, folder: str, accepted: tuple[str, ...]) -> bool:
        if self.lists(folder) or await self.has_own_page(request, folder):
            return True
        index = self._file_of(f"{folder}/")
        return index is not None and isinstance(await self._read(index, accepted), FileReading)

    def _cache_control(self, path: str) -> str:
        if any(fnmatchcase(path, pattern) for pattern in self.immutable):
            return f"max-age={_YEAR}, immutable"
        return f"max-age={self.max_age}" if self.max_age else "no-cache"


def _has_slash(request: Request) -> bool:
    return request.url.partition("?")[0].endswith("/")
