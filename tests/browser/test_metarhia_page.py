"""The page of ``rxkernel new --layout metarhia`` in a headless Chromium, with the npm client."""

import logging
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.async_api import Browser, BrowserContext, Error, Page, expect

from bundles.autoload import create_application
from rxkernel import Application, ConnectionEvent, ServerEvents
from rxkernel.cli import main
from tests.browser.socket_log import logged_sockets
from tests.ports import reserved_port
from tests.required_tools import ROOT, require_metacom
from tests.serving import serving

logger = logging.getLogger("rxkernel.tests")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("debug_logs"),  # a failed test shows the log of the server
]

ROME = {"name": "Rome", "area": 1285, "region": "Lazio"}
MARCUS = '{ login: "marcus", password: "correct horse" }'

UPLOAD = """
import hashlib

from bundles.metacom import MetacomConnection

access = "public"
transports = ("METACOM",)

async def method(streamId: int, connection: MetacomConnection) -> str:
    digest = hashlib.sha256()
    async for data in connection.get_stream(streamId):
        digest.update(data)
    return digest.hexdigest()
"""

DOWNLOAD = """
from bundles.metacom import MetacomConnection

access = "public"
transports = ("METACOM",)

async def _content(size):
    for start in range(0, size, 10_000):
        yield bytes(start // 10_000 for _ in range(min(10_000, size - start)))

async def method(size: int, connection: MetacomConnection) -> dict[str, int | str]:
    stream = connection.create_stream("a file", size)
    stream.pipe(_content(size))
    return {"streamId": stream.id}
"""


@pytest.fixture
def project(node: Path, tmp_path: Path) -> Path:
    """A new project, with the client as ``npm install`` copies it."""
    require_metacom()
    folder = tmp_path / "town"
    assert CliRunner().invoke(main, ["new", "--layout", "metarhia", str(folder)]).exit_code == 0
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    subprocess.run([node, "copy_client.js"], cwd=folder, check=True)
    return folder


async def log_end(event: ConnectionEvent) -> None:
    logger.info("the connection %s has ended: %s", event.connection.id, event.reason)


@asynccontextmanager
async def served(project: Path, port: int = 0) -> AsyncIterator[Application]:
    application = create_application(project / "application")
    application.load_settings(
        {"http.host": "127.0.0.1", "http.port": port, "logging.access": True}
    )
    application.dispatcher.add_listener(ServerEvents.DISCONNECTED, log_end)
    async with serving(application):
        yield application


async def open_page(
    context: BrowserContext, application: Application, *, connections: int = 1
) -> Page:
    """Open the page and wait until its *connections*-th connection is open."""
    page = await context.new_page()
    async with logged_sockets(page) as sockets:
        await page.goto(str(application.servers["http"].url))
        await expect(page.get_by_role("status")).to_have_text("Live")
        assert sockets.opened == connections
    return page


async def in_console(page: Page, code: str) -> Any:
    """Return the value of *code*, or the message and the code of its error."""
    script = f"""(async () => {{
        try {{ return await {code}; }} catch ({{ message, code }}) {{ return [message, code]; }}
    }})()"""
    return await page.evaluate(script)


async def test_console_shows_each_stage_of_the_document(
    project: Path, context: BrowserContext
) -> None:
    async with served(project) as application:
        page = await open_page(context, application)
        await expect(page.locator("#city")).to_have_text("Rome")

        first = 'api["example.1"].getCity({ cityId: 1 })'
        assert await in_console(page, first) == ["Unauthorized", 401]
        assert await in_console(page, 'api["example.2"].getCity({ cityId: 1 })') == ROME
        assert await in_console(page, "api.example.getCity({ cityId: 1 })") == ROME
        assert await in_console(page, 'api.example.getCity({ cityId: "1" })') == [
            'Field "cityId" not of expected type: number',
            422,
        ]
        assert await in_console(page, "api.example.getCity({ cityId: 2 })") == [
            "There is no such city",
            "unknown_city",
        ]
        assert await in_console(page, "api.example.add({ a: 2, b: 3 })") == 5

        wrong = ["the login or the password is wrong", 401]
        assert await in_console(page, f"api.auth.signIn({MARCUS})") == wrong
        assert await in_console(page, f"api.auth.register({MARCUS})") is True
        assert isinstance(await in_console(page, f"api.auth.signIn({MARCUS})"), str)
        assert await in_console(page, first) == ROME
        assert await in_console(page, "api.auth.signOut()") is True
        assert await in_console(page, first) == ["Unauthorized", 401]


async def test_session_cookie_of_http_is_used_by_the_websocket(
    project: Path, context: BrowserContext
) -> None:
    """Scripts cannot read the cookie (T39)."""
    async with served(project) as application:
        page = await open_page(context, application)
        results = await page.evaluate(f"""async () => {{
            const {{ Metacom }} = await import("metacom");
            const http = Metacom.create(location.origin + "/api");
            await http.load("auth", "example.1");
            await http.api.auth.register({MARCUS});
            const token = await http.api.auth.signIn({MARCUS});
            const city = await http.api["example.1"].getCity({{ cityId: 1 }});
            return [typeof token, city.name, document.cookie];
        }}""")
        assert results == ["string", "Rome", ""]

        again = await open_page(context, application)
        first = 'api["example.1"].getCity({ cityId: 1 })'
        assert await in_console(again, first) == ROME
        assert await in_console(again, "api.auth.signOut()") is True
        assert await in_console(again, first) == ["Unauthorized", 401]


async def test_messages_reach_both_windows_as_text(project: Path, context: BrowserContext) -> None:
    async with served(project) as application:
        pages = [await open_page(context, application) for _ in range(2)]
        hostile = "<b>Hello</b>"

        await pages[0].get_by_label("Message", exact=True).fill(hostile)
        await pages[0].get_by_role("button", name="Send").click()

        for page in pages:
            messages = page.get_by_role("list", name="Messages").get_by_role("listitem")
            await expect(messages).to_have_text([hostile])


async def test_streams_of_1_mib_in_both_directions(project: Path, context: BrowserContext) -> None:
    files = project / "application" / "api" / "files"
    files.mkdir()
    (files / "upload.py").write_text(UPLOAD)
    (files / "download.py").write_text(DOWNLOAD)
    async with served(project) as application:
        page = await open_page(context, application)

        report = await page.evaluate("""async () => {
            await metacom.load("files");
            const size = 1048576;
            const bytes = new Uint8Array(size).map((_, index) => index / 10000);
            const uploader = metacom.createBlobUploader(new Blob([bytes]));
            const uploading = api.files.upload({ streamId: uploader.id });
            await uploader.upload();
            const uploaded = await uploading;
            const { streamId } = await api.files.download({ size });
            const blob = await metacom.getStream(streamId).toBlob();
            const hex = async (data) => {
                const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
                return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            };
            return [blob.size, uploaded, await hex(await blob.arrayBuffer()), await hex(bytes)];
        }""")

        assert report == [1 << 20, report[3], report[3], report[3]]


async def test_page_after_server_restart_is_connected_again(
    project: Path, browser: Browser
) -> None:
    """Without the fixture `context`: Chromium writes the lost connection to the console."""
    with reserved_port() as port:
        async with await browser.new_context() as context:
            async with served(project, port) as application:
                page = await open_page(context, application)
            await expect(page.get_by_role("status")).to_have_text("Not connected")
            async with served(project, port):
                await expect(page.get_by_role("status")).to_have_text("Live")
                await page.get_by_label("Message", exact=True).fill("again")
                await page.get_by_role("button", name="Send").click()
                await expect(page.get_by_role("listitem")).to_have_text(["again"])


async def test_page_that_loses_its_first_connection_starts_again(
    project: Path, context: BrowserContext
) -> None:
    """The client does not repeat calls on the next connection, so the page must."""
    async with served(project) as application:

        async def close(event: ConnectionEvent) -> None:
            application.dispatcher.remove_listener(ServerEvents.ACCEPTED, close)
            await event.connection.disconnect()

        application.dispatcher.add_listener(ServerEvents.ACCEPTED, close)
        page = await open_page(context, application, connections=2)
        await expect(page.locator("#city")).to_have_text("Rome")


async def test_page_without_the_client_shows_how_to_install_it(
    project: Path, browser: Browser
) -> None:
    (project / "application" / "static" / "metacom" / "metacom.js").unlink()
    async with served(project) as application, await browser.new_page() as page:
        await page.goto(str(application.servers["http"].url))
        status = "The client is missing: run npm install, which runs node copy_client.js"
        await expect(page.get_by_role("status")).to_have_text(status)
        with pytest.raises(Error, match="api is not defined"):
            await page.evaluate("api")
