"""Live reload: files that change while they are served."""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bundles.autoload import domain, lib
from bundles.autoload.reload import watcher
from bundles.metacom import MetacomBundle
from rxkernel import (
    ApplicationEvents,
    ConfigurationError,
    HttpSettings,
    Request,
    RxKernelError,
    ShutdownEvent,
    Transport,
    http,
)
from tests.bundles.autoload.live_folder import LiveFolder, root_of
from tests.servers.socketio_clients import client
from tests.servers.tls import Authority, tls_settings
from tests.waiting import until

LOG: list[str] = []
"""The values that the files of a test have written."""

EVENTS: dict[str, asyncio.Event] = {}
"""The events for which the files of a test wait."""

SAY = "access = 'public'\nasync def method(): return {!r}"

WAIT = """
    import tests.bundles.autoload.test_live_reload as test
    from bundles.autoload import domain

    access = "public"

    async def method():
        test.LOG.append("began")
        await test.EVENTS["go on"].wait()
        return ["{}", domain.chat.VERSION]
    """


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveFolder]:
    LOG.clear()
    EVENTS.clear()
    folder = LiveFolder(root_of(tmp_path))
    yield folder
    await folder.stop()


# T48
async def test_call_in_flight_ends_with_the_old_code_and_the_next_has_the_new(
    live: LiveFolder,
) -> None:
    EVENTS["go on"] = asyncio.Event()
    application = await live.serve(
        {"api/chat/wait.py": WAIT.format("old"), "domain/chat.py": "VERSION = 1"}
    )
    async with client(application) as socket:
        over_http = asyncio.create_task(live.call("chat/wait"))
        over_socket = asyncio.create_task(socket.call("chat/wait", {}))
        await until(lambda: LOG == ["began", "began"])

        live.write({"api/chat/wait.py": WAIT.format("new"), "domain/chat.py": "VERSION = 2"})
        await until(lambda: domain.chat.VERSION == 2)
        assert not over_http.done()
        EVENTS["go on"].set()

        assert await over_http == (200, ["old", 1])
        assert (await over_socket)["content"] == ["old", 1]
        assert await live.call("chat/wait") == (200, ["new", 2])
        assert (await socket.call("chat/wait", {}))["content"] == ["new", 2]
        assert socket.connected


# T49
@pytest.mark.parametrize(
    "bad",
    [
        "async def method(: return 1",
        "\nraise ValueError('not now')",
        "from bundles.autoload import domain\ndomain.nothing",
    ],
)
async def test_error_in_a_changed_file_keeps_the_old_version(
    live: LiveFolder, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one"), "domain/chat.py": ""})

    live.write({"api/chat/say.py": bad})
    await until(lambda: live.problems)

    assert await live.call("chat/say") == (200, "one")
    line = bad.count("\n") + 1
    assert live.problems[0].startswith(f"{live.root}/api/chat/say.py:{line}: ")
    assert live.problems[0] in caplog.text

    live.write({"api/chat/say.py": SAY.format("two")})
    await until(lambda: not live.problems)
    assert await live.call("chat/say") == (200, "two")


# T50
@pytest.mark.parametrize("unit", ["chat", "chat.1"])
async def test_deleted_endpoint_is_not_found(live: LiveFolder, unit: str) -> None:
    application = await live.serve(
        {f"api/{unit}/say.py": SAY.format("one"), "api/x/y.py": SAY.format(1)}
    )
    assert (await live.call("chat/say"))[0] == 200

    live.remove(f"api/{unit}/say.py")
    await live.loaded(2)

    assert (await live.call("chat/say"))[0] == 404
    assert "chat/say" not in application.kernel.websocket_definitions


# T51
async def test_state_survives_with_migrate(live: LiveFolder) -> None:
    chat = "rooms = {{}}\ndef migrate(old): rooms.update(old.rooms)\nVERSION = {}"
    count = """
        from bundles.autoload import domain

        access = "public"

        async def method():
            domain.chat.rooms["one"] = domain.chat.rooms.get("one", 0) + 1
            return [domain.chat.VERSION, domain.chat.rooms["one"]]
        """
    await live.serve({"api/chat/count.py": count, "domain/chat.py": chat.format(1)})
    assert await live.call("chat/count") == (200, [1, 1])

    live.write({"domain/chat.py": chat.format(2)})
    await live.loaded(2)

    assert await live.call("chat/count") == (200, [2, 2])


@pytest.mark.parametrize("way", ["replace", "recreate", "move_away"])
async def test_save_of_an_editor_is_loaded(live: LiveFolder, way: str) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one")})
    save: Callable[[str, str], None] = getattr(live, way)

    save("api/chat/say.py", SAY.format("two"))

    await live.loaded(2)
    assert await live.call("chat/say") == (200, "two")


async def test_saves_within_the_pause_are_loaded_together(live: LiveFolder) -> None:
    await live.serve({"api/chat/say.py": SAY.format(0), "lib/a.py": "A = 1"})

    for number in range(1, 10):
        live.write({"api/chat/say.py": SAY.format(number), "lib/a.py": f"A = {number}"})

    await live.loaded(2)
    await until(lambda: lib.a.A == 9)
    assert await live.call("chat/say") == (200, 9)
    assert live.snapshot.number < 5


async def test_changes_without_a_pause_are_loaded_after_a_limit(live: LiveFolder) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one")})
    live.write({"api/chat/say.py": SAY.format("two")})

    async def write_on() -> None:
        number = 0
        while True:
            number += 1
            live.write({f"resources/{number}.txt": "text"})
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write_on())
    await live.loaded(2)
    assert await live.call("chat/say") == (200, "two")
    writing.cancel()


async def test_touched_file_is_not_loaded_again(
    live: LiveFolder, caplog: pytest.LogCaptureFixture
) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one"), "lib/a.py": ""})

    os.utime(live.root / "api/chat/say.py")
    live.write({"api/chat/say.py": SAY.format("one")})
    live.write({"lib/b.py": ""})
    await live.loaded(2)

    assert [*live.snapshot.files] == ["lib/a.py", "lib/b.py", "api/chat/say.py"]
    assert live.snapshot.number == 2


async def test_error_is_logged_once_for_each_change(
    live: LiveFolder, caplog: pytest.LogCaptureFixture
) -> None:
    await live.serve({"lib/a.py": "A = 1"})

    def errors() -> int:
        return sum(record.levelno == logging.ERROR for record in caplog.records)

    live.write({"lib/a.py": "A = ("})
    await until(lambda: errors() == 1)
    assert not await live.live_reload.reload()  # touch does this
    assert errors() == 1
    live.write({"lib/b.py": ""})
    await until(lambda: errors() == 2)
    caplog.set_level(logging.INFO, "bundles.autoload")
    live.write({"lib/a.py": "A = 1"})
    live.remove("lib/b.py")
    await until(lambda: not live.problems)
    assert "the error is fixed: the files of" in caplog.text
    assert live.snapshot.number == 1


async def test_changed_file_of_each_place_is_loaded_again(live: LiveFolder) -> None:
    read = """
        from bundles.autoload import bus, config, db, domain, lib, resources, schemas

        access = "public"

        async def method():
            return [
                schemas.City.VERSION, lib.a.VERSION, db.a.VERSION, bus.a.VERSION,
                domain.a.VERSION, config.a.version, resources["a.txt"].decode(),
            ]
        """
    before = {
        "schemas/City.py": "class City:\n    VERSION = 1",
        "config/a.py": "version = 1",
        "resources/a.txt": "1",
        **{f"{place}/a.py": "VERSION = 1" for place in ("lib", "db", "bus", "domain")},
    }
    await live.serve({**before, "api/all/read.py": read})
    expected: list[Any] = [1, 1, 1, 1, 1, 1, "1"]
    assert await live.call("all/read") == (200, expected)

    for number, (index, key) in enumerate(
        [
            (0, "schemas/City.py"),
            (1, "lib/a.py"),
            (2, "db/a.py"),
            (3, "bus/a.py"),
            (4, "domain/a.py"),
            (5, "config/a.py"),
            (6, "resources/a.txt"),
        ],
        2,
    ):
        live.replace(key, before[key].replace("1", "2"))
        await live.loaded(number)
        expected[index] = "2" if index == 6 else 2
        assert await live.call("all/read") == (200, expected), key


async def test_start_hook_that_never_returns_keeps_the_old_version(live: LiveFolder) -> None:
    hang = "import asyncio\nasync def start(): await asyncio.Event().wait()"
    await live.serve(
        {"lib/a.py": "A = 1", "api/chat/say.py": SAY.format("one")}, start_timeout=0.2
    )

    live.write({"lib/a.py": hang, "api/chat/say.py": SAY.format("two")})
    await until(lambda: live.problems)

    place = f"{live.root}/lib/a.py:2"
    assert live.problems[0].startswith(f"{place}: start() has not ended after 0.2 s")
    assert await live.call("chat/say") == (200, "one")


async def test_change_during_a_reload_is_loaded_after_it(live: LiveFolder) -> None:
    EVENTS["go on"] = asyncio.Event()
    wait = """
        import tests.bundles.autoload.test_live_reload as test

        async def start():
            test.LOG.append("started")
            await test.EVENTS["go on"].wait()
        """
    await live.serve({"lib/a.py": "", "api/chat/say.py": SAY.format("one")})

    live.write({"lib/a.py": wait})
    await until(lambda: LOG)
    live.write({"api/chat/say.py": SAY.format("two")})
    assert await live.call("chat/say") == (200, "one")
    EVENTS["go on"].set()

    await live.loaded(3)
    assert await live.call("chat/say") == (200, "two")


async def test_stop_during_a_reload_undoes_it(live: LiveFolder) -> None:
    wait = """
        import asyncio
        import tests.bundles.autoload.test_live_reload as test

        async def start():
            test.LOG.append("start a")
            await asyncio.Event().wait()
        """
    hooks = """
        import tests.bundles.autoload.test_live_reload as test

        async def start(): test.LOG.append("start b")
        async def stop(): test.LOG.append("stop b")
        """
    application = await live.serve({"api/chat/say.py": SAY.format("one")})

    live.write({"db/a.py": wait, "lib/b.py": hooks})
    await until(lambda: "start a" in LOG)
    await application.stop()

    assert LOG == ["start b", "start a", "stop b"]


async def test_reload_by_code_while_the_application_stops_is_undone(live: LiveFolder) -> None:
    """A reload after the stop calls no hook either: nothing would stop what the hook has
    started."""
    EVENTS["go on"] = asyncio.Event()
    hooks = """
        import tests.bundles.autoload.test_live_reload as test

        async def start():
            test.LOG.append("start")
            await test.EVENTS["go on"].wait()

        async def stop(): test.LOG.append("stop")
        """
    application = await live.serve({"api/chat/say.py": SAY.format("one")}, reload=False)
    reload = live.live_reload.reload
    live.write({"db/a.py": hooks})
    reloading = asyncio.create_task(reload())
    await until(lambda: LOG == ["start"])

    async def go_on(event: ShutdownEvent) -> None:
        EVENTS["go on"].set()

    application.dispatcher.add_listener(ApplicationEvents.SHUTDOWN, go_on, priority=1000)
    await application.stop()

    for late in (reloading, asyncio.create_task(reload())):
        with pytest.raises(RxKernelError, match=r"while the application stops|is stopping"):
            await late
    assert LOG == ["start", "stop"]


async def test_stop_hook_waits_for_calls_in_flight(live: LiveFolder) -> None:
    EVENTS["go on"] = asyncio.Event()
    pool = """
        import tests.bundles.autoload.test_live_reload as test

        is_open = True

        async def stop():
            global is_open
            is_open = False
            test.LOG.append("closed {0}")
        """
    call = """
        import tests.bundles.autoload.test_live_reload as test
        from bundles.autoload import db

        access = "public"

        async def method():
            test.LOG.append("began")
            await test.EVENTS["go on"].wait()
            return db.pool.is_open
        """
    application = await live.serve({"db/pool.py": pool.format(1), "api/chat/call.py": call})
    calling = asyncio.create_task(live.call("chat/call"))
    await until(lambda: LOG == ["began"])

    live.write({"db/pool.py": pool.format(2)})
    await live.loaded(2)
    live.write({"db/pool.py": pool.format(3)})
    await live.loaded(3)
    assert LOG == ["began"]
    EVENTS["go on"].set()

    assert await calling == (200, True)
    await until(lambda: LOG == ["began", "closed 1", "closed 2"])
    await application.stop()
    assert LOG == ["began", "closed 1", "closed 2", "closed 3"]


async def test_stop_hook_waits_for_a_long_call_up_to_a_limit(
    live: LiveFolder, caplog: pytest.LogCaptureFixture
) -> None:
    EVENTS["go on"] = asyncio.Event()
    stop = """
        import tests.bundles.autoload.test_live_reload as test
        async def stop(): test.LOG.append("stopped {}")
        """
    await live.serve(
        {
            "lib/a.py": stop.format(1),
            "domain/chat.py": "VERSION = 1",
            "api/chat/wait.py": WAIT.format("old"),
        },
        shutdown_timeout=0.2,
    )
    calling = asyncio.create_task(live.call("chat/wait"))
    await until(lambda: LOG == ["began"])

    live.write({"lib/a.py": stop.format(2)})

    await until(lambda: LOG == ["began", "stopped 1"])
    assert "1 messages still use replaced files" in caplog.text
    EVENTS["go on"].set()
    assert await calling == (200, ["old", 1])


async def test_migrate_reads_the_next_snapshot(live: LiveFolder) -> None:
    await live.serve({"domain/chat.py": "rooms = {}", "lib/a.py": "A = 1"})
    domain.chat.rooms["one"] = 1

    live.write(
        {
            "domain/chat.py": """
                from bundles.autoload import lib
                rooms = {}
                async def migrate(old): rooms.update(old.rooms, a=lib.a.A)
                """,
            "lib/a.py": "A = 2",
        }
    )
    await until(lambda: lib.a.A == 2)

    assert domain.chat.rooms == {"one": 1, "a": 2}


# F5
async def test_link_out_of_the_root_keeps_the_old_version(
    live: LiveFolder, tmp_path: Path
) -> None:
    (tmp_path / "secret.py").write_text(SAY.format("secret"))
    await live.serve({"api/chat/say.py": SAY.format("one")})

    (live.root / "api/chat/steal.py").symlink_to(tmp_path / "secret.py")
    await until(lambda: live.problems)
    assert "outside of the root" in live.problems[0]
    assert (await live.call("chat/steal"))[0] == 404
    assert await live.call("chat/say") == (200, "one")


# F5
async def test_folder_that_becomes_world_writable_keeps_the_old_version(
    live: LiveFolder,
) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one")})

    (live.root / "api/chat").chmod(0o777)
    live.write({"api/chat/say.py": SAY.format("two")})
    await until(lambda: live.problems)

    assert "chmod o-w" in live.problems[0]
    assert await live.call("chat/say") == (200, "one")


# F5
@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"lib/a.py": "while True: pass"}, "has not ended after 1 s"),
        (
            {
                "lib/a.py": "from bundles.autoload import lib\nlib.b",
                "lib/b.py": "from bundles.autoload import lib\nlib.a",
            },
            "import loop",
        ),
        ({"lib/a.b.py": ""}, "is not a name of Python"),
        ({"lib/a.py": b"\x00"}, "null byte"),
        ({"lib/x/a.py": "", "lib/x.py": ""}, "folder of the same name"),
    ],
)
async def test_bad_files_keep_the_old_version(
    live: LiveFolder, files: dict[str, str | bytes], problem: str
) -> None:
    if is_endless := b"while" in str(files).encode():
        files = {"lib/a.py": "import time\nfor _ in range(150): time.sleep(0.02)"}
    load_timeout = 1.0 if is_endless else 20.0
    await live.serve({"api/chat/say.py": SAY.format("one")}, load_timeout=load_timeout)

    live.write({**files, "api/chat/say.py": SAY.format("two")})
    await until(lambda: live.problems)

    assert problem in live.problems[0]
    assert await live.call("chat/say") == (200, "one")


# F5
async def test_root_that_is_removed_and_created_again_is_loaded(live: LiveFolder) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one")})

    shutil.rmtree(live.root)
    await until(lambda: live.problems)
    assert await live.call("chat/say") == (200, "one")

    live.write({"api/chat/say.py": SAY.format("two")})
    await until(lambda: live.snapshot.number > 1 and not live.problems)
    assert await live.call("chat/say") == (200, "two")
    number = live.snapshot.number
    live.write({"api/chat/say.py": SAY.format("three")})
    await live.loaded(number + 1)
    assert await live.call("chat/say") == (200, "three")


async def test_root_that_is_replaced_at_once_is_watched(live: LiveFolder) -> None:
    """For example by ``rm -r application && cp -r …``. The new folder can have the inode of the
    old one."""
    await live.serve({"api/chat/say.py": SAY.format(1)})

    for number in range(2, 5):
        shutil.rmtree(live.root)
        live.write({"api/chat/say.py": SAY.format(number)})
        await live.loaded(number)
        assert await live.call("chat/say") == (200, number)


async def test_link_to_the_root_that_is_replaced_is_followed(tmp_path: Path) -> None:
    """Deployments use such a link to the current release."""
    for name in ("one", "two"):
        release = LiveFolder(tmp_path / name)
        release.write({"api/chat/say.py": SAY.format(name)})
    link = tmp_path / "current"
    link.symlink_to("one")
    live = LiveFolder(link)
    await live.serve({})
    assert await live.call("chat/say") == (200, "one")

    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(link)
    await live.loaded(2)

    assert await live.call("chat/say") == (200, "two")
    await live.stop()


@pytest.mark.parametrize(
    ("debug", "reload", "is_on"),
    [
        (False, None, False),
        (True, None, True),
        (True, False, False),
        (False, True, True),
    ],
)
async def test_live_reload_is_enabled_by_its_setting_or_else_by_debug(
    live: LiveFolder, debug: bool, reload: bool | None, is_on: bool
) -> None:
    await live.serve({"lib/a.py": ""}, debug=debug, reload=reload)

    assert (live.root in live.application.live_directories) is is_on


async def test_reload_by_code_without_live_reload_loads_changes(
    live: LiveFolder,
) -> None:
    await live.serve({"api/chat/say.py": SAY.format("one")}, reload=False)
    live.write({"api/chat/say.py": SAY.format("two")})
    assert await live.call("chat/say") == (200, "one")

    assert await asyncio.gather(*(live.live_reload.reload() for _ in range(3))) == [
        *(True, False, False)
    ]

    assert await live.call("chat/say") == (200, "two")


async def test_missing_watchfiles_is_reported(
    live: LiveFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watcher, "find_spec", lambda name: None)

    with pytest.raises(
        ConfigurationError, match=r"needs watchfiles; .* pip install '.\[reload\]'"
    ):
        await live.serve({"lib/a.py": ""}, reload=True)

    await live.serve({"lib/a.py": ""}, reload=None, debug=True)
    assert live.root not in live.application.live_directories
    assert "live reload is disabled, since watchfiles is not installed" in caplog.text


async def test_message_whose_body_is_slow_reads_the_snapshot_of_its_begin(
    live: LiveFolder,
) -> None:
    add = """
        from bundles.autoload import domain

        access = "public"

        async def method(number: int):
            return [{}, domain.chat.VERSION, number]
        """
    application = await live.serve(
        {"api/chat/add.py": add.format(1), "domain/chat.py": "VERSION = 1"}
    )
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"number"'
        await go_on.wait()
        yield b": 7}"

    url = f"{application.servers['http'].url}/api/chat/add"
    json = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:
        posting = asyncio.create_task(session.post(url, data=slowly(), headers=json))
        server: Any = application.servers["http"]
        await until(lambda: bool(server.in_flight))
        live.write({"api/chat/add.py": add.format(2), "domain/chat.py": "VERSION = 2"})
        await until(lambda: domain.chat.VERSION == 2)
        go_on.set()

        async with await posting as response:
            assert await response.json() == [1, 1, 7]


async def test_message_that_begins_just_after_a_reload_reads_the_snapshot_of_its_route(
    live: LiveFolder,
) -> None:
    """The task of a message begins in a later step than the look-up of its route."""
    read = """
        from bundles.autoload import domain

        access = "public"

        async def method():
            return [{}, domain.chat.VERSION]
        """
    application = await live.serve(
        {"api/chat/read.py": read.format(1), "domain/chat.py": "VERSION = 1"}
    )
    definition = application.kernel.http_definitions["chat/read"]

    live.write({"api/chat/read.py": read.format(2), "domain/chat.py": "VERSION = 2"})
    await until(lambda: domain.chat.VERSION == 2)

    response = await application.kernel.answer(definition, Request(Transport.HTTP))
    assert response.content == [1, 1]


async def test_stream_reads_the_snapshot_of_its_begin_until_its_end(live: LiveFolder) -> None:
    EVENTS["go on"] = asyncio.Event()
    count = """
        import tests.bundles.autoload.test_live_reload as test
        from bundles.autoload import domain
        from rxkernel import StreamResponse

        access = "public"

        async def pieces():
            yield f"{domain.chat.VERSION} "
            await test.EVENTS["go on"].wait()
            yield f"{domain.chat.VERSION}"

        async def method() -> StreamResponse:
            return StreamResponse(pieces())
        """
    chat = """
        import tests.bundles.autoload.test_live_reload as test
        VERSION = {0}
        async def stop(): test.LOG.append("stopped {0}")
        """
    application = await live.serve({"api/chat/count.py": count, "domain/chat.py": chat.format(1)})
    url = f"{application.servers['http'].url}/api/chat/count"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
        assert await response.content.readexactly(2) == b"1 "
        live.write({"domain/chat.py": chat.format(2)})
        await live.loaded(2)
        assert LOG == []
        EVENTS["go on"].set()
        assert await response.content.read() == b"1"
    await until(lambda: LOG == ["stopped 1"])


async def test_certificates_are_read_again_without_a_handshake(
    live: LiveFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (live.root / "cert").mkdir()
    authority = Authority(tmp_path)
    certificate, key = live.root / "cert/a.pem", live.root / "cert/a.key"
    files = authority.issue("a", certificate=certificate, key=key)
    await live.serve({"lib/a.py": ""}, http=HttpSettings(port=0, tls=tls_settings(files)))
    caplog.set_level(logging.INFO)

    authority.issue("a", certificate=certificate, key=key)

    await until(lambda: "the TLS certificates were reloaded" in caplog.text)
    assert live.snapshot.number == 1


async def test_invalid_configuration_keeps_the_old_version(live: LiveFolder) -> None:
    await live.serve(
        {
            "schemas/config/database.py": 'schema = {"pool": {"size": "number"}}',
            "config/database.toml": "[pool]\nsize = 5\n",
            "lib/size.py": """
                from bundles.autoload import config
                size = config.database.pool.size
                """,
        }
    )
    live.write({"config/database.toml": '\n[pool]\nsize = "5"\n'})
    await until(lambda: live.problems)
    assert live.problems[0].startswith(f"{live.root}/config/database.toml:3: pool.size: ")
    assert lib.size.size == 5

    live.write({"config/database.toml": "\n[pool]\nsize = 6\n"})
    await live.loaded(2)
    assert lib.size.size == 6


# T50
@pytest.mark.parametrize("kept", ["chat", "chat.1"])
async def test_deleted_version_lowers_the_default(live: LiveFolder, kept: str) -> None:
    await live.serve({f"api/{kept}/say.py": SAY.format(1), "api/chat.2/say.py": SAY.format(2)})
    assert await live.call("chat/say") == (200, 2)

    shutil.rmtree(live.root / "api/chat.2")
    await live.loaded(2)

    assert await live.call("chat/say") == (200, 1)
    assert await live.call("chat.1/say") == (200, 1)
    assert (await live.call("chat.2/say"))[0] == 404


async def test_route_that_another_one_has_keeps_the_old_version(live: LiveFolder) -> None:
    start = """
        import tests.bundles.autoload.test_live_reload as test
        async def start(): test.LOG.append("started")
        async def stop(): test.LOG.append("stopped")
        """
    application = await live.serve({"api/chat/say.py": SAY.format("one")})

    class Taken:
        @http("POST", "/api/chat/other", "other")
        async def other(self) -> str:
            return "of a controller"

    await application.reload(controllers=[Taken])

    live.write({"api/chat/other.py": SAY.format("two"), "lib/a.py": start})
    await until(lambda: live.problems)

    assert "/api/chat/other" in live.problems[0]
    assert LOG == ["started", "stopped"]
    assert await live.call("chat/other") == (200, "of a controller")


async def test_two_reloads_at_once_are_made_in_turn(live: LiveFolder) -> None:
    """One reload is started by code, the other one by changed files."""
    application = await live.serve({"api/chat/say.py": SAY.format("one")})

    class Added:
        @http("GET", "/added", "added")
        async def added(self) -> str:
            return "added"

    live.write({"api/chat/say.py": SAY.format("two")})
    await asyncio.gather(live.loaded(2), application.reload(controllers=[Added]))

    assert await live.call("chat/say") == (200, "two")
    assert "added" in application.kernel.http_definitions


async def test_new_folder_that_is_called_nearly_like_a_place_is_logged(
    live: LiveFolder, caplog: pytest.LogCaptureFixture
) -> None:
    await live.serve({"lib/a.py": ""})
    live.write({"Domain/b.py": ""})

    await until(lambda: f"{live.root}/Domain is not loaded; did you mean domain?" in caplog.text)


@pytest.mark.parametrize("static", [{}, {"static/index.html": ""}], ids=["api", "static"])
@pytest.mark.parametrize("debug", [True, False])
async def test_endpoint_of_a_change_that_is_not_loaded_is_404_with_the_problem_in_debug(
    live: LiveFolder, debug: bool, static: dict[str, str]
) -> None:
    missing = """
        from rxkernel import NotFoundException
        access = "public"
        async def method(): raise NotFoundException("no such city")
        """
    application = await live.serve({"api/chat/find.py": missing, **static}, debug=debug)
    async with client(application) as socket:
        assert (await live.call("chat/new"))[1]["message"] == "Not Found"

        live.write({"api/chat/new.py": "acces = 'public'\nasync def method(): return 1"})
        await until(lambda: live.problems)
        over_http = await live.call("chat/new")
        over_socket = await socket.call("chat/new", {})

        expected = f"the last change is not loaded: {live.problems[0]}"
        assert over_http[0] == over_socket["statusCode"] == 404
        texts = {over_http[1]["message"], over_socket["message"]}
        assert (texts == {expected}) if debug else (expected not in texts), texts
        assert (await live.call("chat/find"))[1]["message"] == "no such city"


@pytest.mark.parametrize("static", [{}, {"static/index.html": ""}], ids=["api", "static"])
@pytest.mark.parametrize("debug", [True, False])
async def test_metacom_call_of_a_change_that_is_not_loaded_is_404_with_the_problem_in_debug(
    live: LiveFolder, debug: bool, static: dict[str, str]
) -> None:
    files = {"api/chat/find.py": SAY.format(1), **static}
    application = await live.serve(files, bundles=(MetacomBundle,), debug=debug)
    packet = {"type": "call", "id": 1, "method": "chat/new", "args": {}}
    live.write({"api/chat/new.py": "acces = 'public'\nasync def method(): return 1"})
    await until(lambda: live.problems)
    async with aiohttp.ClientSession(application.servers["http"].url) as session:
        async with session.post("/api", json=packet) as response:
            over_http = await response.json()
        async with session.ws_connect("/") as websocket:
            await websocket.send_json(packet)
            over_websocket = await websocket.receive_json(timeout=20)

    hint = f"the last change is not loaded: {live.problems[0]}"
    error = {"message": hint if debug else "Not Found", "code": 404}
    assert over_http["error"] == over_websocket["error"] == error
