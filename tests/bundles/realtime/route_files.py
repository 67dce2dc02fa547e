"""Applications with route files, and their clients over both HTTP paths."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
from yarl import URL

from bundles.realtime import RealtimeBundle, RealtimeSettings
from rxkernel import Application, ConfigurationError, HttpSettings, Settings


def write_routes(folder: Path, name: str, *entries: Any) -> None:
    """Write the route file ``<name>.json`` in *folder*."""
    (folder / f"{name}.json").write_text(json.dumps(entries))


def entry(method: Any, url: Any, handler: Any, **keys: Any) -> dict[str, Any]:
    """An entry of a route file."""
    return {"method": method, "url": url, "handler": handler, **keys}


def application_of(
    folder: Path,
    *controllers: Any,
    http: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    bundles: Any = (),
    more: dict[str, Any] | None = None,
    **parts: Any,
) -> Application:
    """An application whose route files are in *folder*, on a free port."""
    of_bundle = RealtimeSettings(**{"routes": folder, **(settings or {})})
    return Application(
        bundles=[RealtimeBundle(controllers=controllers), *bundles],
        settings=Settings(
            request_id_header=None,
            http=HttpSettings(**{"port": 0, **(http or {})}),
            bundles={"realtime": of_bundle, **(more or {})},
        ),
        **parts,
    )


@attrs.frozen
class Answer:
    """A response as a client received it."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Site:
    """A client of a served application."""

    def __init__(self, application: Application, session: aiohttp.ClientSession) -> None:
        self.application = application
        self._session = session

    async def __call__(self, method: str, path: str, **sent: Any) -> Answer:
        url = URL(f"{self.application.servers['http'].url}{path}", encoded=True)
        async with self._session.request(method, url, allow_redirects=False, **sent) as response:
            return Answer(response.status, response.headers, await response.text())


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[Site]:
    """Serve *application* until the end of the block."""
    await application.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Site(application, session)
    finally:
        await application.stop()


async def problems_of(application: Application) -> tuple[str, ...]:
    """The problems that the boot of *application* reports."""
    try:
        await application.boot()
    except ConfigurationError as error:
        return error.problems
    await application.stop()
    return ()
