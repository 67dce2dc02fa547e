"""Start, stop and migrate hooks."""

import logging
import threading
from textwrap import indent

import pytest

from bundles.autoload import db, domain, lib
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    Request,
    RxKernelError,
    observe,
)
from tests.bundles.autoload.conftest import Folder, problems_of

LOG: list[str] = []
"""The lines that the hooks of a test have logged."""


@pytest.fixture(autouse=True)
def empty_log() -> None:
    LOG.clear()


def hooks(name: str, *lines: str) -> str:
    """A file whose hooks log their name."""
    log = "import tests.bundles.autoload.test_hooks as test\n"
    start = f"async def start(): test.LOG.append('start {name}')\n"
    stop = f"async def stop(): test.LOG.append('stop {name}')\n"
    return "\n".join((*lines, log, start, stop))


# T52
async def test_start_hooks_run_once_by_place_and_stop_hooks_in_reverse(
    folder: Folder,
) -> None:
    application = await folder.boot(
        {
            "domain/chat/start.py": hooks("chat").replace("async def stop", "async def other"),
            "domain/chat/stop.py": hooks("chat").replace("async def start", "async def other"),
            "db/geo.py": hooks("geo"),
            "lib/a.py": hooks("a", "from bundles.autoload import lib", "lib.b"),
            "lib/b.py": hooks("b"),
            "lib/deep/er/start.py": hooks("deep"),
            "api/chat/send.py": """
                import tests.bundles.autoload.test_hooks as test
                test.LOG.append("api")
                access = "public"
                async def method(): ...
                """,
        }
    )
    started = ["start b", "start a", "start deep", "start geo", "start chat"]

    assert [*started, "api"] == LOG
    await application.boot()
    assert [*started, "api"] == LOG
    LOG.clear()

    await application.stop()

    assert LOG == ["stop chat", "stop geo", "stop deep", "stop a", "stop b"]


async def test_start_hook_of_an_imported_function_is_not_called(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/a.py": "from tests.bundles.autoload.test_hooks import forbidden as start",
            "lib/b.py": "start = 5\nstop = None",
        }
    )

    assert lib.b.start == 5


async def test_file_called_migrate_is_a_function(folder: Folder) -> None:
    await folder.boot({"db/geo/migrate.py": "def migrate(version, force): return version"})

    await folder.change({"db/geo/migrate.py": "def migrate(version, force): return -version"})

    assert db.geo.migrate(2, force=True) == -2


def forbidden() -> None:
    LOG.append("called")


async def test_plain_function_runs_in_a_thread(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/a.py": """
                import threading

                def start():
                    global thread
                    thread = threading.get_ident()
                """
        }
    )

    assert lib.a.thread != threading.get_ident()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise ValueError('no {x}')", ":2: start() raised ValueError: no {x}"),
        ("import sys; sys.exit(3)", ":2: start() raised SystemExit: 3"),
        ("raise KeyboardInterrupt", ":2: start() raised KeyboardInterrupt"),
        ("raise asyncio.CancelledError", ":2: start() raised NameError"),
        ("import asyncio; raise asyncio.CancelledError", ":2: start() raised CancelledError"),
        ("raise StopIteration", "start() raised RuntimeError"),
        ("import asyncio\nawait asyncio.Event().wait()", ":3: start() has not ended after 0.5 s"),
    ],
)
async def test_start_hook_that_fails_is_an_error_with_path_and_line(
    folder: Folder, body: str, problem: str
) -> None:
    files: dict[str, str | bytes] = {
        "db/geo/start.py": f"async def start():\n{indent(body, '    ')}\n",
        "db/a.py": hooks("a"),
        "domain/z.py": hooks("z"),
    }

    timeout = 0.5 if "wait()" in body else 20.0
    text = await problems_of(folder, files, start_timeout=timeout)

    assert f"{folder.root}/db/geo/start.py" in text
    assert problem in text
    assert LOG == ["start a", "stop a"]


@pytest.mark.parametrize(
    "body", ["raise SystemExit(3)", "raise StopIteration", "raise ValueError"]
)
async def test_plain_start_hook_that_fails_is_an_error(folder: Folder, body: str) -> None:
    text = await problems_of(folder, {"lib/a.py": f"def start():\n    {body}\n"})

    assert "lib/a.py" in text
    assert "start() raised" in text


async def test_hook_that_ignores_its_cancellation_is_an_error(folder: Folder) -> None:
    await_all = """
        import asyncio
        import tests.bundles.autoload.test_hooks as test

        async def start():
            test.RELEASE.append(asyncio.Event())
            while True:
                try:
                    await test.RELEASE[0].wait()
                    return
                except asyncio.CancelledError:
                    pass
        """
    text = await problems_of(folder, {"lib/a.py": await_all}, start_timeout=0.5)

    assert "lib/a.py:9: start() has not ended after 0.5 s" in text
    RELEASE[0].set()


RELEASE: list[threading.Event] = []


@pytest.mark.parametrize(
    ("key", "content", "problem"),
    [
        ("lib/a.py", "def start(x): ...", ":1: start has other parameters than a hook; write"),
        ("lib/a.py", "async def migrate(): ...", ":1: migrate has other parameters"),
        ("lib/a.py", "\nasync def stop(*, x): ...", ":2: stop has other parameters"),
        (
            "lib/a.py",
            "count = 0\ndef migrate(old): count = old.count",
            ":2: migrate assigns count as local, so the variables of the file stay as they are; "
            "write global count",
        ),
        ("lib/start.py", "x = 1", ": defines no hook; write async def start()"),
        ("lib/x/stop.py", "class stop: ...", ": defines no hook; write async def stop()"),
    ],
)
async def test_hook_of_another_form_is_reported(
    folder: Folder, key: str, content: str, problem: str
) -> None:
    assert f"{folder.root}/{key}{problem}" in await problems_of(folder, {key: content})


async def test_start_hook_that_reads_api_is_an_error(folder: Folder) -> None:
    text = await problems_of(
        folder,
        {
            "lib/a.py": "from bundles.autoload import api\nasync def start(): api.chat.send",
            "api/chat/send.py": "access = 'public'\nasync def method(): ...",
        },
    )

    assert "lib/a.py:2: start() raised RxKernelError: " in text
    assert "is not loaded yet; the files of api are loaded after the start hooks" in text


async def test_plain_hook_may_return_an_awaitable(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/a.py": """
                async def open():
                    global IS_OPEN
                    IS_OPEN = True

                def start():
                    return open()
                """
        }
    )

    assert lib.a.IS_OPEN


async def test_stopped_application_has_no_snapshot(folder: Folder) -> None:
    application = await folder.boot({"lib/a.py": ""})
    autoload = folder.autoload

    await application.stop()

    assert autoload.current is None
    with pytest.raises(RxKernelError, match="is not booted, so no file is loaded"):
        _ = autoload.snapshot
    with pytest.raises(RxKernelError, match="is not booted"):
        autoload.scope(Request("HTTP"))


async def test_boot_that_fails_later_runs_the_stop_hooks(folder: Folder) -> None:
    class Broken:
        @observe(ApplicationEvents.BOOTSTRAP, priority=-100)
        async def fail(self, event: BootstrapEvent) -> None:
            raise ValueError("later")

    folder.write({"lib/a.py": hooks("a")})
    with pytest.raises(ValueError, match="later"):
        await folder.boot(listeners=[Broken])

    assert LOG == ["start a", "stop a"]


async def test_api_file_that_fails_calls_the_stop_hooks(folder: Folder) -> None:
    files: dict[str, str | bytes] = {"lib/a.py": hooks("a"), "api/chat/send.py": "1 / 0"}

    text = await problems_of(folder, files)

    assert "api/chat/send.py:1: ZeroDivisionError" in text
    assert LOG == ["start a", "stop a"]


async def test_load_timeout_does_not_count_start_hooks(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/a.py": """
                import time

                def start():
                    time.sleep(1.1)
                """,
            "api/chat/send.py": "access = 'public'\nasync def method(): ...",
        },
        load_timeout=1.0,
    )

    assert "api/chat/send.py" in folder.snapshot.files


async def test_stop_hook_that_fails_is_logged_and_the_others_run(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    application = await folder.boot(
        {
            "lib/a.py": hooks("a"),
            "lib/b.py": "async def stop(): raise ValueError('%s {x}')",
            "lib/c.py": "import asyncio\nasync def stop(): await asyncio.Event().wait()",
        },
        stop_timeout=0.5,
    )

    await application.stop()

    assert LOG == ["start a", "stop a"]
    assert "lib/b.py:1: stop() raised ValueError: %s {x}" in caplog.text
    assert "lib/c.py:2: stop() has not ended after 0.5 s" in caplog.text


# T51
async def test_migrate_takes_over_the_state(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bundles.autoload.reload")
    caplog.set_level(logging.INFO, "bundles.autoload")
    migrate = "rooms = {}\ndef migrate(old): rooms.update(old.rooms)\n"
    await folder.boot({"domain/chat.py": hooks("chat", migrate)})
    domain.chat.rooms["one"] = 1

    await folder.change({"domain/chat.py": hooks("chat", migrate, "NEW = 1")})

    assert (domain.chat.rooms, domain.chat.NEW) == ({"one": 1}, 1)
    assert LOG == ["start chat"]
    assert not caplog.records


async def test_reload_without_migrate_starts_the_new_and_stops_the_old(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bundles.autoload.reload")
    caplog.set_level(logging.INFO, "bundles.autoload")
    await folder.boot({"domain/chat.py": hooks("old", "rooms = {}"), "lib/x.py": "X = 1"})

    await folder.change({"domain/chat.py": hooks("new", "rooms = {}")})
    await folder.change({"domain/chat.py": hooks("newest", "rooms = {}")})
    await folder.change({"lib/x.py": "X = 2"})

    assert LOG == ["start old", "start new", "stop old", "start newest", "stop new"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder.root}/domain/chat.py is loaded again: the values of its variables are lost "
        f"(rooms); write def migrate(old) to take them over"
    ]


async def test_reload_starts_new_files_and_stops_removed_ones(folder: Folder) -> None:
    await folder.boot({"lib/a.py": hooks("a"), "lib/c.py": ""})

    await folder.change({"lib/b.py": hooks("b")}, remove=("lib/a.py",))

    assert LOG == ["start a", "start b", "stop a"]


async def test_stop_hook_of_a_replaced_file_reads_the_old_snapshot(folder: Folder) -> None:
    start = """
        from bundles.autoload import db

        async def start():
            db.geo.pool = "{}"
        """
    stop = """
        from bundles.autoload import db
        import tests.bundles.autoload.test_hooks as test

        async def stop():
            test.LOG.append(f"close {db.geo.pool}")
        """
    application = await folder.boot(
        {"db/geo/start.py": start.replace("{}", "one"), "db/geo/stop.py": stop}
    )

    await folder.change({"db/geo/start.py": start.replace("{}", "two")})

    assert (LOG, db.geo.pool) == (["close one"], "two")
    await application.stop()
    assert LOG == ["close one", "close two"]


@pytest.mark.parametrize(
    "bad",
    [
        {"lib/bad.py": "x = ("},
        {"lib/a.py": "async def start(): raise ValueError"},
        {"lib/a.py": "def migrate(old): raise ValueError"},
        {"api/chat/send.py": "1 / 0"},
        {"lib/not-a-name.py": ""},
    ],
)
async def test_reload_that_fails_changes_nothing(
    folder: Folder, bad: dict[str, str | bytes]
) -> None:
    await folder.boot({"lib/a.py": "VALUE = 1", "lib/b.py": ""})
    before = folder.snapshot

    with pytest.raises(ConfigurationError):
        await folder.change({"lib/b.py": hooks("b"), **bad})

    assert folder.snapshot is before
    assert (lib.a.VALUE, dir(lib)) == (1, ["a", "b"])
    assert LOG in ([], ["start b", "stop b"])


async def test_discarded_build_calls_its_stop_hooks(folder: Folder) -> None:
    await folder.boot({"lib/a.py": hooks("a")})
    folder.write({"lib/b.py": hooks("b")})

    build = await folder.autoload.build()
    assert build is not None
    await folder.autoload.discard(build)

    assert LOG == ["start a", "start b", "stop b"]
    assert dir(lib) == ["a"]
