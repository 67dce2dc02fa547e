"""Fixtures that compile the TypeScript client with a script, and run the script in Node."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from bundles.apidocs import Documents
from bundles.apidocs.typescript import typescript_client
from rxkernel import Application
from tests.bundles.apidocs.typescript.gallery import create_gallery
from tests.node_scripts import report_of
from tests.serving import serving
from tests.typescript_compiler import compile_typescript

_HERE = Path(__file__).parent
_PATIENCE = 60
"""The time limit of a script, in seconds."""

Compile = Callable[..., Path]
"""``compile(client, "script.ts")`` returns the folder of the JavaScript; errors of tsc fail."""

RunScript = Callable[..., Coroutine[Any, Any, Any]]
"""``await run_script(application, "script.ts", …)`` returns the report of the script. *client*
replaces the client that is generated from the documents."""


@pytest.fixture
def compile_client(tmp_path: Path) -> Compile:
    def compiled(client: str, *scripts: str) -> Path:
        folder = tmp_path / "typescript"
        folder.mkdir()
        (folder / "client.ts").write_text(client, "utf-8")
        for name in scripts:
            copy(_HERE / name, folder)
        return compile_typescript(folder)

    return compiled


@pytest.fixture
async def gallery() -> AsyncIterator[Application]:
    """The gallery, served."""
    async with serving(create_gallery()) as application:
        yield application


def client_of_application(application: Application) -> str:
    documents = application.injector.get(Documents)
    return typescript_client(documents.openapi, documents.asyncapi)


@pytest.fixture
def run_script(compile_client: Compile, node: Path) -> RunScript:
    async def run(
        application: Application, script: str, *arguments: str, client: str | None = None
    ) -> Any:
        client = client or client_of_application(application)
        out = await asyncio.to_thread(compile_client, client, script, "report.ts")
        file = (out / script).with_suffix(".js")
        url = str(application.servers["http"].url)
        return await report_of(node, file, url, *arguments, patience=_PATIENCE)

    return run
