"""A browser runs the client. In browsers, bytes of Socket.IO are an ArrayBuffer."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Route, async_playwright

from app import SOCKET_CLIENT
from rxkernel import Application
from tests.bundles.apidocs.typescript.conftest import Compile, client_of_application

pytestmark = pytest.mark.browser

_PAGE = """\
<!doctype html><title>The client</title>
<script type="importmap">{"imports": {"socket.io-client": "/page/socket.js"}}</script>
"""

_SCRIPT = """async () => {
  const { createClient } = await import("/page/client.js");
  const client = createClient({ url: location.origin, transport: "socket", token: () => "abc" });
  const sent = new Promise((resolve) => {
    void client.on("/rooms/{room}:sent", resolve, { room: "7" });
  });
  const bytes = await client.bytesEcho({ body: new Blob(["abc"]) });
  await client.say({ params: { room: "7", text: "Tea" } });
  const thing = {
    size: "small", shape: { type: "square", side: 1 }, tree: { name: "root" },
    day: "2024-01-01", point: [1, 2], counts: {}, data: "YWJj",
  };
  const found = [
    bytes instanceof Uint8Array, new TextDecoder().decode(bytes),
    new TextDecoder().decode(await sent),
    (await client.thingEcho({ params: { id: 1 }, body: thing })).data,
    await client.token(),
    await client.token({}, { transport: "http" }),
    await (await client.numberStream()).text(),
  ];
  client.close();
  return found;
}"""


async def test_client_in_browser_uses_both_transports(
    gallery: Application, compile_client: Compile, chromium: Path
) -> None:
    out = await asyncio.to_thread(compile_client, client_of_application(gallery))

    async def send(route: Route) -> None:
        match route.request.url.rpartition("/")[2]:
            case "client.js":
                await route.fulfill(path=out / "client.js", content_type="text/javascript")
            case "socket.js":
                await route.fulfill(path=SOCKET_CLIENT, content_type="text/javascript")
            case _:
                await route.fulfill(body=_PAGE, content_type="text/html")

    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu"]
        ) as browser,
    ):
        page = await browser.new_page()
        await page.route("**/page/*", send)
        await page.goto(f"{gallery.servers['http'].url}/page/index.html")
        found = await page.evaluate(_SCRIPT)

    assert found == [
        *(True, "cba", "Tea", "YWJj"),
        *({"token": "abc"}, "Bearer abc", "0\n1\n2\n"),
    ]
