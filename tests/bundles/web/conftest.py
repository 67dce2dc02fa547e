"""Sites from directories that a test writes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest

from bundles.autoload import create_application
from bundles.web import Directories, DirectoryTree
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder


class Site(Folder):
    """A directory with a folder ``app``, and the application that serves it."""

    async def start(
        self,
        files: Mapping[str, str | bytes],
        *,
        users: Any = None,
        bundles: Sequence[Any] = (),
        controllers: Sequence[Any] = (),
    ) -> KernelClient:
        """Write *files* and boot the site; return its client."""
        self.write(files)
        self._application = create_application(
            self.root, users=users, bundles=bundles, controllers=controllers
        )
        await self._application.boot()
        return KernelClient(self._application)

    @asynccontextmanager
    async def served(
        self,
        files: Mapping[str, str | bytes],
        *,
        reload: bool = False,
        options: Mapping[str, Any] = MappingProxyType({}),
        **settings: Any,
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """Serve *files* with the settings *options*, by their dotted names; a session whose URLs
        begin at the site."""
        await self.stop()  # that of an earlier call
        self.write(files)
        self._application = create_application(self.root, **settings)
        own = {"http.port": 0, "http.host": "127.0.0.1", "autoload.reload": reload, **options}
        self._application.load_settings(own)
        await self._application.start()
        url = self._application.servers["http"].url
        async with aiohttp.ClientSession(url) as session:
            yield session

    @property
    def client(self) -> KernelClient:
        return KernelClient(self.application)

    @property
    def tree(self) -> DirectoryTree:
        return self.application.injector.get(Directories).tree

    async def problems(self, files: Mapping[str, str | bytes], **settings: Any) -> str:
        """Return the error of a boot with *files*."""
        with pytest.raises(ConfigurationError) as caught:
            await self.start(files, **settings)
        return str(caught.value)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    root = tmp_path / "application"
    root.mkdir()
    site = Site(root)
    yield site
    await site.stop()
