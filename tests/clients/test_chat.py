"""The chat of docs/examples/chat, with the `socket.io-client` of npm and over HTTP.

The tests are the nine cases of IOServer's own tests of its chat, and the behaviour that its
documentation describes.
"""

import json
import logging
import math
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import pytest_asyncio
from chat_app import ChatOptions, create_application
from chat_app.database import Database
from chat_app.health_monitor import HealthMonitor
from chat_app.options import FOLDER
from chat_app.rooms import Rooms
from chat_app.server import create_server
from chat_app.statistics import Statistics

from bundles.realtime import IOServerError, RealtimeSettings
from bundles.tasks import TasksSettings
from rxkernel import Application, HttpSettings, KernelClient, Settings
from tests.cli.processes import Process
from tests.clients.conftest import RunNode
from tests.ports import reserved_port
from tests.required_tools import ROOT
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

OPTIONS = ChatOptions(database=None, admin_key="the key", most_memory=math.inf, most_cpu=math.inf)
"""Memory and CPU have no limits, since other tests use the same process and machine."""

SETTINGS = Settings(
    bundles={
        "realtime": RealtimeSettings(
            verbose="DEBUG", routes=FOLDER / "routes", root_dir=FOLDER / "public"
        ),
        "tasks": TasksSettings(store="memory"),
    },
)


def chat(options: ChatOptions = OPTIONS, port: int = 0) -> Application:
    return create_application(options, attrs.evolve(SETTINGS, http=HttpSettings(port=port)))


@pytest_asyncio.fixture(params=["application", "ioserver"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The chat, as an `Application` and with the class `IOServer`."""
    application = (
        chat() if request.param == "application" else create_server(OPTIONS, 0).application
    )
    await application.start()
    yield str(application.servers["http"].url)
    await application.stop()


async def fetch(url: str, path: str, method: str = "GET", **sent: Any) -> tuple[int, str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{url}{path}", **sent) as response,
    ):
        kind = response.content_type
        body = await response.json() if kind == "application/json" else await response.text()
        return response.status, kind, body


async def test_root_serves_the_page(url: str) -> None:
    status, kind, page = await fetch(url, "/")
    assert (status, kind) == (200, "text/html")
    assert "<title>Chat</title>" in page
    assert "<script>" not in page
    for script in ("/chat.js", "/admin.js", "/socket.io-client.js"):
        assert (await fetch(url, script))[:2] == (200, "text/javascript")


async def test_health_of_the_chat_is_ok(url: str) -> None:
    status, _, body = await fetch(url, "/health")
    assert status == 200
    assert body == {
        "status": "OK",
        "timestamp": body["timestamp"],
        "service": "chat",
        "version": "1.0.0",
    }


async def test_status_of_api_is_ok(url: str) -> None:
    _, _, body = await fetch(url, "/api/status")
    assert (body["status"], body["service"], body["version"]) == ("OK", "chat api", "1.0.0")


async def test_statistics_contain_users_and_uptime(url: str) -> None:
    _, _, body = await fetch(url, "/api/stats")
    assert body["status"] == "OK"
    assert body["data"]["totalUsers"] == 0
    assert body["data"]["uptime"].startswith("0h 0m ")


@pytest.mark.node
async def test_client_of_npm_chats_with_all_events(
    url: str, run_node: RunNode, transport: str
) -> None:
    """Login, a taken name, a message, an empty name, a message before the login; rooms, typing
    and presence."""
    found = await run_node("chat.mjs", url, transport)

    assert found == {
        "notLoggedIn": "User not logged in",
        "empty": [["error", "Username is required", 400]] * 2,
        "login": {
            "status": "success",
            "user": {"username": "Ada", "room": "general"},
            "users": ["Ada"],
        },
        "again": "You are logged in already",
        "taken": ["error", "Username already taken"],
        "joined": "bob joined the chat",
        "history": ["Ada joined the chat", "bob joined the chat"],
        "message": {"username": "Ada", "room": "general", "content": "<b>Hello</b> World!"},
        "own": True,
        "typing": {"username": "Ada", "isTyping": True},
        "left": "bob left the room",
        "moved": ["success", ["bob"]],
        "quiet": [],
        "rooms": [1, 1],
        "here": ["Ada"],
        "overheard": ["rum"],
        "back": [
            "general",
            [
                "Ada joined the chat",
                "bob joined the chat",
                "<b>Hello</b> World!",
                "bob left the room",
                "Ada left the room",
                "bob joined the room",
            ],
        ],
        "wrong": [400, 422, 422, 422],
        "announced": ["bob", ["Ada"]],
        "floods": True,
        "refused": "The key of an administrator is required",
        "update": ["ok", "number", "number", "number"],
    }


async def test_messages_and_rooms_are_read_over_http(url: str) -> None:
    assert (await fetch(url, "/api/rooms"))[2] == [{"name": "general", "userCount": 0}]
    assert (await fetch(url, "/api/rooms/general/messages?limit=2"))[2] == []
    status, _, body = await fetch(url, "/api/rooms/general/messages?limit=1000")
    assert status == 400
    assert body["errors"][0]["path"] == "querystring.limit"


async def test_announcement_without_the_key_is_refused(url: str) -> None:
    for headers, content, expected in (
        ({}, "x", 401),
        ({"Authorization": "Bearer wrong"}, "x", 401),
        ({"Authorization": "Bearer the key"}, "", 400),
        ({"Authorization": "Bearer the key"}, "Tea is ready", 201),
    ):
        sent: dict[str, Any] = {"headers": headers, "json": {"content": content}}
        status, _, _ = await fetch(url, "/admin/announcements", "POST", **sent)
        assert status == expected, (headers, content)


async def test_chat_without_database_is_503() -> None:
    application = chat()
    async with KernelClient(application) as client:
        await application.injector.get(Database).stop()
        response = await client.http("web_get_health")
        assert (response.status_code, response.content["database"]) == (503, "disconnected")
        async with client.connection("/chat") as ada:
            login: dict[str, Any] = {"body": {"username": "Ada"}, "connection": ada}
            assert (await client.websocket("/chat:login", **login)).status_code == 503
            await application.injector.get(Database).start()
            assert (await client.websocket("/chat:login", **login)).status_code == 200


async def test_health_with_high_memory_cpu_or_no_database_is_not_ok() -> None:
    for options, status in (
        (OPTIONS, "ok"),
        (attrs.evolve(OPTIONS, most_memory=1.0), "warning"),
        (attrs.evolve(OPTIONS, most_cpu=-1.0), "warning"),
    ):
        application = chat(options)
        async with KernelClient(application):
            await application.injector.get(HealthMonitor).sample()
            sample = await application.injector.get(HealthMonitor).sample()
            assert sample["status"] == status
            assert sample["memoryMb"] > 10
            await application.injector.get(Database).stop()
            sample = await application.injector.get(HealthMonitor).sample()
            assert (sample["status"], sample["databaseMs"]) == ("error", None)


async def test_health_sample_after_the_start_excludes_the_cpu_of_the_start() -> None:
    """The start uses a whole core, so the first sample would be a warning."""
    application = chat(attrs.evolve(OPTIONS, most_cpu=0.0))
    async with KernelClient(application):
        sample = await application.injector.get(HealthMonitor).sample()
        assert (sample["status"], sample["cpuPercent"]) == ("ok", 0.0)


async def test_health_is_logged_by_its_status(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    application = chat(attrs.evolve(OPTIONS, health_interval=0.01))
    await application.start()
    try:
        await until(lambda: "health: ok, memory " in caplog.text)
        await application.injector.get(Database).stop()
        await until(lambda: "health: error, memory " in caplog.text)
    finally:
        await application.stop()
    levels = {r.levelno for r in caplog.records if r.getMessage().startswith("health: error")}
    assert levels == {logging.ERROR}


async def test_messages_after_a_restart_are_kept_except_old_ones(tmp_path: Path) -> None:
    options = attrs.evolve(OPTIONS, database=tmp_path / "new" / "chat.sqlite3")
    async with KernelClient(chat(options)) as client, client.connection("/chat") as ada:
        await client.websocket("/chat:login", body={"username": "Ada"}, connection=ada)
        for number in range(5):
            body = {"content": f"message {number}"}
            await client.websocket("/chat:send_message", body=body, connection=ada)
    application = chat(options)
    async with KernelClient(application) as client:
        params = {"room": "general", "limit": "2"}
        found = (await client.http("api_get_messages", params=params)).content
        assert [message.content for message in found] == ["message 4", "Ada left the chat"]
        database = application.injector.get(Database)
        await database.add("tea", "Ada", "kept", "message")
        assert await database.remove_old(3) == 4
        assert len(await database.recent("general")) == 3
        assert len(await database.recent("tea")) == 1


async def test_script_of_npm_that_is_missing_is_404() -> None:
    async with KernelClient(chat(attrs.evolve(OPTIONS, socket_client=None))) as client:
        response = await client.http("web_get_socket_client")
    assert response.status_code == 404
    assert "npm install socket.io-client" in response.content["message"]


async def test_administration_without_a_configured_key_is_refused() -> None:
    async with KernelClient(chat(attrs.evolve(OPTIONS, admin_key=None))) as client:
        for key in ("", "None"):
            headers = {"Authorization": f"Bearer {key}"}
            body = {"content": "x"}
            response = await client.http("admin_announce", body=body, headers=headers)
            assert response.status_code == 401


@pytest.mark.parametrize("command", ["rxkernel serve chat_app", "chat_app.server"])
def test_chat_started_as_in_its_readme_is_served(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_DATABASE", str(tmp_path / "chat.sqlite3"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with reserved_port() as port:
        if command.startswith("rxkernel"):
            command += f" --port {port}"
        else:
            monkeypatch.setenv("CHAT_PORT", str(port))
        process = Process([sys.executable, "-m", *command.split()], FOLDER)
        try:
            process.line(f"http://127.0.0.1:{port}")
            process.line(r"^[-\d]+ [:\d]+,\d+ INFO    bundles.realtime.app_handle: health: ok, ")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as response:
                assert json.load(response)["status"] == "OK"
            process.send(signal.SIGTERM)
            assert process.code() == 0
        finally:
            process.kill()
    assert (tmp_path / "chat.sqlite3").is_file()


async def test_login_of_a_disconnected_client_reserves_no_name() -> None:
    """Events that were read run even if the client disconnects meanwhile."""
    application = chat()
    await application.start()
    try:
        rooms = application.injector.get(Rooms)
        statistics = application.injector.get(Statistics)
        for number in range(20):
            async with raw_socket(application, connect="40/chat,") as raw:
                await raw.send(f'42/chat,["login",{{"username":"user {number}"}}]')
        await until(lambda: statistics.current()["peakConcurrentUsers"] > 0)
    finally:
        await application.stop()
    assert len(rooms) == 0


def test_room_over_the_limit_is_refused() -> None:
    rooms = Rooms()
    users = [rooms.add(f"user {number}") for number in range(101)]
    for number, user in enumerate(users[:99]):
        rooms.move(user, f"room {number}")
    with pytest.raises(IOServerError, match="too many rooms"):
        rooms.move(users[99], "one more")
    assert rooms.move(users[99], "Room 1 ") == "room 1"
    with pytest.raises(IOServerError, match="already taken"):
        rooms.add(" SYSTEM ")
