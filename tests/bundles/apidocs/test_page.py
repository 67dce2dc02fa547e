"""The routes of the documentation page, without a browser."""

import json
import logging
import re

import pytest
from aiohttp import ClientSession

from bundles.apidocs import ApidocsBundle
from bundles.apidocs.page import FILES
from bundles.security import SecurityBundle, UserProvider
from rxkernel import Application, HttpSettings, LoggingSettings, Settings, SocketioSettings, both
from rxkernel.pytest_plugin import ClientOf
from tests.serving import serving


class Tasks:
    @both("GET", "/tasks", "task_list")
    async def list(self) -> list[str]:
        return []


def application_with(
    access: object = "public",
    *,
    prefix: str = "",
    socketio: SocketioSettings | None = None,
) -> Application:
    settings = Settings(
        http=HttpSettings(port=0, prefix=prefix),
        socketio=socketio or SocketioSettings(),
        logging=LoggingSettings(access=True),
    )
    return Application(
        bundles=[ApidocsBundle(access=access)], controllers=[Tasks], settings=settings
    )


async def responses_of(application: Application, *paths: str) -> list[tuple[int, str, str]]:
    """Return status, content security policy and text of each of *paths*."""
    found = []
    async with serving(application), ClientSession(application.servers["http"].url) as session:
        for path in paths:
            async with session.get(path) as response:
                policy = response.headers.get("Content-Security-Policy", "")
                found.append((response.status, policy, await response.text()))
    return found


async def test_page_policy_allows_own_origin_only() -> None:
    page, script = await responses_of(application_with(), "/docs", "/docs/main.js")

    for status, policy, _ in (page, script):
        assert status == 200
        assert policy == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


async def test_files_of_the_page_are_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rxkernel.access")

    await responses_of(application_with(), "/docs/", "/docs/main.js", "/docs/none.js")

    lines = [vars(each) for each in caplog.records if each.name == "rxkernel.access"]
    assert [(line["path"], line["levelname"]) for line in lines] == [
        ("/docs/", "INFO"),
        ("/docs/main.js", "DEBUG"),
        ("/docs/none.js", "INFO"),
    ]


async def test_page_below_prefix_has_relative_places() -> None:
    page, configuration, document = await responses_of(
        application_with(prefix="/api"), "/api/docs/", "/api/docs/page.json", "/api/openapi.json"
    )

    assert page[0] == document[0] == 200
    assert re.findall('(?:href|src)="([^"]+)"', page[2]) == ["icon.svg", "page.css", "main.js"]
    assert configuration[2] == (
        '{"openapi":"../openapi.json","asyncapi":"../asyncapi.json","socketPort":null}'
    )


async def test_page_with_own_port_of_sockets_allows_that_port() -> None:
    application = application_with(socketio=SocketioSettings(port=0))
    page, configuration = await responses_of(application, "/docs/", "/docs/page.json")

    port = re.search('"socketPort":([0-9]+)', configuration[2])
    assert port is not None
    assert f"connect-src 'self' http://127.0.0.1:{port[1]} " in page[1]
    assert f" wss://127.0.0.1:{port[1]};" in page[1]


async def test_page_below_prefix_finds_the_sockets() -> None:
    """``http.prefix`` is not put before ``socketio.path``."""
    application = application_with(prefix="/api", socketio=SocketioSettings(path="/live"))
    (document,) = await responses_of(application, "/api/asyncapi.json")
    path = json.loads(document[2])["servers"]["main"]["pathname"]

    (handshake,) = await responses_of(application, f"{path}/?EIO=4&transport=polling")

    assert handshake[0] == 200


async def test_page_without_sockets_names_no_document_of_them() -> None:
    application = application_with(socketio=SocketioSettings(enabled=False))
    (configuration,) = await responses_of(application, "/docs/page.json")

    assert '"asyncapi":null' in configuration[2]


async def test_page_without_rule_is_not_served() -> None:
    found = await responses_of(application_with(None), "/docs", "/docs/main.js", "/docs/page.json")

    assert [status for status, _, _ in found] == [404, 404, 404]


async def test_page_with_rule_needs_a_credential(client_of: ClientOf) -> None:
    class Users(UserProvider[str]):
        async def load(self, identifier: str) -> str | None:
            return None

    bundles = [SecurityBundle(Users, access="public"), ApidocsBundle(access="authenticated")]
    client = client_of(Application(bundles=bundles, controllers=[Tasks]))

    await client.application.boot()
    own = [d for d in client.application.kernel.http_definitions if "apidocs" in d.name]
    assert len(own) == 5
    for definition in own:
        params = {"path": "main.js"} if "{path" in definition.path else {}
        assert (await client.http(definition.name, params=params)).status_code == 401


async def test_page_files_outside_its_folder_are_not_found() -> None:
    found = await responses_of(application_with(), "/docs/../page.py", "/docs/%2e%2e/page.py")

    assert {status for status, _, _ in found} == {404}


async def test_page_routes_are_not_in_the_documents() -> None:
    (document,) = await responses_of(application_with(), "/openapi.json")

    assert "/docs" not in document[2]


def test_page_has_no_inline_code_and_no_file_of_another_host() -> None:
    """Scripts do not create markup either; they create elements and text."""
    for path in FILES.iterdir():
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), path
        assert not re.search(r"""(?:src|href|from|url\()\s*=?\s*["']?(?:https?:)?//""", text), path
    page = (FILES / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page)
