"""Applications from directories that a test writes."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from bundles.autoload import Autoload, AutoloadBundle, AutoloadSettings, Endpoints, Snapshot
from bundles.autoload.reload.reloader import Reloader
from bundles.autoload.reload.retirement import Retirement
from bundles.contracts import ContractsBundle
from rxkernel import Application, ConfigurationError, HttpSettings, Request, Settings


class Folder:
    """A directory with the files of an application, and the application, once it is booted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._application: Application | None = None

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write *files* by their path below the root; texts are dedented."""
        for key, content in files.items():
            path = self.root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else dedent(content).encode()
            path.write_bytes(data)

    def remove(self, *keys: str) -> None:
        for key in keys:
            (self.root / key).unlink()

    async def boot(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *,
        bundles: Sequence[Any] = (),
        listeners: Sequence[Any] = (),
        sections: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Application:
        """Write *files* and boot the application of the directory.

        Args:
            sections: the settings of other bundles, by name.
        """
        self.write(files or {})
        self._application = Application(
            bundles=[AutoloadBundle(self.root), ContractsBundle, *bundles],
            listeners=listeners,
            settings=Settings(
                http=HttpSettings(port=0, host="127.0.0.1"),
                bundles={"autoload": AutoloadSettings(**settings), **(sections or {})},
            ),
        )
        await self._application.boot()
        return self._application

    @property
    def application(self) -> Application:
        assert self._application is not None, "await folder.boot() first"
        return self._application

    @property
    def autoload(self) -> Autoload:
        return self.application.injector.get(Autoload)

    @property
    def snapshot(self) -> Snapshot:
        return self.autoload.snapshot

    async def change(
        self, files: Mapping[str, str | bytes], remove: tuple[str, ...] = ()
    ) -> set[str]:
        """Write and remove files, let messages read the next snapshot, and call the stop hooks of
        replaced files. Return the keys of the files that were executed.

        Raises:
            ConfigurationError: with every problem.
        """
        self.write(files)
        self.remove(*remove)
        before = self.snapshot.files
        retirement = Retirement(self.autoload, timeout=30)
        endpoints = self.application.injector.get(Endpoints)
        reloader = Reloader(self.application, self.autoload, endpoints, retirement)
        is_loaded = await reloader.reload([*files, *remove])
        await retirement.close()
        if reloader.problems:
            raise ConfigurationError(*reloader.problems)
        assert is_loaded
        after = self.snapshot.files
        return {key for key, file in after.items() if file is not before.get(key)}

    @contextmanager
    def message(self) -> Iterator[None]:
        """Handle a message in the block, which reads one version of the files."""
        request = Request("HTTP")
        try:
            with self.autoload.scope(request):
                yield
        finally:
            self.application.kernel.terminate(request, None)

    async def stop(self) -> None:
        if self._application is not None:
            await self._application.stop()


async def problems_of(folder: Folder, files: dict[str, str | bytes], **settings: Any) -> str:
    """Return the error of a boot with *files*."""
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot(files, **settings)
    return str(caught.value)


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    root = tmp_path / "application"
    root.mkdir()
    folder = Folder(root)
    yield folder
    await folder.stop()
