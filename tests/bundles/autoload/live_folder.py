"""A directory that is served with live reload."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp

from bundles.autoload import AutoloadBundle, AutoloadSettings, LiveReload
from bundles.contracts import ContractsBundle
from rxkernel import Application, HttpSettings, Settings
from tests.bundles.autoload.conftest import Folder
from tests.waiting import until


class LiveFolder(Folder):
    """The tests write into it as editors do, and wait for the next snapshot."""

    async def serve(
        self,
        files: Mapping[str, str | bytes],
        *,
        bundles: Sequence[Any] = (),
        reload: bool | None = True,
        **settings: Any,
    ) -> Application:
        """Write *files*, and start the servers."""
        self.write(files)
        own = {
            name: settings.pop(name)
            for name in ("debug", "http", "shutdown_timeout")
            if name in settings
        }
        self._application = Application(
            bundles=[AutoloadBundle(self.root), ContractsBundle, *bundles],
            settings=Settings(
                bundles={"autoload": AutoloadSettings(reload=reload, **settings)},
                **{"http": HttpSettings(port=0), **own},
            ),
        )
        await self._application.start()
        return self._application

    @property
    def live_reload(self) -> LiveReload:
        return self.application.injector.get(LiveReload)

    @property
    def problems(self) -> tuple[str, ...]:
        return self.live_reload.problems

    def replace(self, key: str, content: str) -> None:
        """Write a temporary file, and rename it."""
        path = self.root / key
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(dedent(content))
        temporary.replace(path)

    def recreate(self, key: str, content: str) -> None:
        """Delete the file, and create it again."""
        self.remove(key)
        self.write({key: content})

    def move_away(self, key: str, content: str) -> None:
        """Rename the file to a backup, write a new one, and delete the backup, as vim does."""
        path = self.root / key
        path.replace(f"{path}~")
        self.write({key: content})
        os.unlink(f"{path}~")

    async def call(self, name: str) -> tuple[int, Any]:
        """Call an endpoint over HTTP, over a new connection."""
        url = f"{self.application.servers['http'].url}/api/{name}"
        async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text())

    async def loaded(self, number: int) -> None:
        """Wait for the snapshot *number*."""
        await until(lambda: self.snapshot.number >= number)


def root_of(folder: Path) -> Path:
    root = folder / "application"
    root.mkdir()
    return root
