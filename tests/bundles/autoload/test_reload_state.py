"""State that is written during a reload, and how the new files take it over."""

import asyncio
import logging

import pytest

from bundles.autoload import db, domain
from rxkernel import ConfigurationError, http
from tests.bundles.autoload.conftest import Folder

LOG: list[str] = []
"""The lines that the files of a test have written."""

STARTED, GO_ON = asyncio.Event(), asyncio.Event()

SLOW = """
    import tests.bundles.autoload.test_reload_state as test

    async def start():
        test.STARTED.set()
        await test.GO_ON.wait()
    """

SAY = "access = 'public'\nasync def method(): return {!r}"

COUNTS = """
    import tests.bundles.autoload.test_reload_state as test

    counts = []

    {} migrate(old):
        test.LOG.append("migrate {}")
        counts.extend(old.counts)
    """


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    LOG.clear()
    for name in ("STARTED", "GO_ON"):
        monkeypatch.setattr(f"{__name__}.{name}", asyncio.Event())


class Slow:
    """A reload whose start hooks wait until the ``async with`` block is left."""

    def __init__(self, folder: Folder, files: dict[str, str | bytes]) -> None:
        self._changing = asyncio.create_task(folder.change({**files, "domain/z/start.py": SLOW}))

    async def __aenter__(self) -> None:
        await STARTED.wait()

    async def __aexit__(self, *_: object) -> None:
        GO_ON.set()
        await self._changing


async def test_attribute_of_a_folder_that_is_set_during_a_reload_stays(folder: Folder) -> None:
    await folder.boot({"db/geo/find.py": "", "lib/v.py": ""})
    db.geo.last = 1

    async with Slow(folder, {"lib/v.py": "V = 2"}):
        db.geo.last = 2
        db.geo.new = 3

    assert (db.geo.last, db.geo.new) == (2, 3)
    assert dir(db.geo) == ["find", "last", "new"]


async def test_attribute_that_a_message_in_flight_sets_after_a_reload_stays(
    folder: Folder,
) -> None:
    await folder.boot({"db/geo/find.py": "", "db/old/find.py": "", "lib/v.py": ""})
    db.geo.last = 1

    with folder.message():
        await folder.change({"lib/v.py": "V = 2"}, remove=("db/old/find.py",))
        await folder.change({"lib/v.py": "V = 3"})
        db.geo.last = 2
        db.old.last = 3
        assert (db.geo.last, db.old.last) == (2, 3)
        assert dir(db.old) == ["find", "last"]

    assert db.geo.last == 2
    assert dir(db) == ["geo"]


async def test_message_in_flight_reads_the_attributes_that_a_reload_has_replaced(
    folder: Folder,
) -> None:
    """The old files and their stop hooks use these attributes."""
    start = "from bundles.autoload import db\nasync def start(): db.geo.pool = {}"
    await folder.boot({"db/geo/start.py": start.format(1)})

    with folder.message():
        for number in (2, 3):
            await folder.change({"db/geo/start.py": start.format(number)})
            assert db.geo.pool == 1
        await folder.change({"db/geo/other.py": f"{start.format(4)}\ndb.geo.extra = 5"})
        assert not hasattr(db.geo, "extra")
        db.geo.pool = 6
        assert db.geo.pool == 6

    assert (db.geo.pool, db.geo.extra) == (4, 5)


async def test_attribute_that_a_removed_file_has_set_is_removed(folder: Folder) -> None:
    """Its stop hook has closed it."""
    await folder.boot(
        {
            "db/geo/start.py": """
                from bundles.autoload import db

                def start():
                    db.geo.pool = "open"
                    db.geo.count = 0
                """,
            "db/geo/stop.py": """
                from bundles.autoload import db
                import tests.bundles.autoload.test_reload_state as test

                def stop(): test.LOG.append(db.geo.pool)
                """,
            "db/geo/find.py": "from bundles.autoload import db\ndb.geo.found = []",
        }
    )
    db.geo.count = 5

    await folder.change({}, remove=("db/geo/start.py", "db/geo/stop.py"))

    assert LOG == ["open"]
    assert dir(db.geo) == ["count", "find", "found"]
    with pytest.raises(AttributeError, match=r"db\.geo has no 'pool'"):
        _ = db.geo.pool
    assert db.geo.count == 5


async def test_attribute_that_only_the_replaced_start_hook_has_set_is_removed(
    folder: Folder,
) -> None:
    """The stop hook of the old file has closed its value."""
    start = """
        from bundles.autoload import db

        db.geo.{0}top = 1

        async def start():
            db.geo.{0}connection = 1
            db.geo.stays = hasattr(db.geo, "connection")
        """
    await folder.boot({"db/geo/start.py": start.format(""), "db/geo/a.py": ""})
    db.geo.other = 1

    await folder.change({"db/geo/start.py": start.format("x")})

    assert db.geo.stays is False
    assert {"other", "xconnection", "xtop"} <= {*dir(db.geo)}
    with pytest.raises(AttributeError, match="has no 'connection'; did you mean 'xconnection'"):
        _ = db.geo.connection
    assert not hasattr(db.geo, "top")
    await folder.change({"db/geo/a.py": "A = 1"})
    assert db.geo.xconnection == 1


async def test_attribute_that_a_file_with_migrate_has_set_stays(folder: Folder) -> None:
    text = """
        from bundles.autoload import db

        async def start():
            db.geo.connection = 1

        def migrate(old): ...
        """
    await folder.boot({"db/geo/open.py": text})
    await folder.change({"db/geo/open.py": f"{text}\n"})

    assert db.geo.connection == 1


async def test_attributes_that_a_failed_reload_has_set_are_removed(folder: Folder) -> None:
    await folder.boot({"db/geo/find.py": ""})
    db.geo.last = 1

    with pytest.raises(ConfigurationError):
        await folder.change(
            {
                "db/geo/find.py": "from bundles.autoload import db\ndb.geo.last = db.geo.new = 2",
                "api/a/b.py": "1 / 0",
            }
        )

    assert (db.geo.last, dir(db.geo)) == (1, ["find", "last"])


@pytest.mark.parametrize("define", ["def", "async def"])
async def test_migrate_takes_over_values_written_while_start_hooks_ran(
    folder: Folder, define: str
) -> None:
    await folder.boot({"domain/chat.py": COUNTS.format(define, "chat")})
    domain.chat.counts.append(1)

    async with Slow(folder, {"domain/chat.py": COUNTS.format(define, "chat") + "\n"}):
        domain.chat.counts.append(2)

    assert LOG == ["migrate chat"]
    assert domain.chat.counts == [1, 2]


async def test_no_message_runs_between_a_plain_migrate_and_the_swap(folder: Folder) -> None:
    """Asynchronous migrate functions are called before, since they wait."""
    plain = """
        import asyncio, contextvars
        import tests.bundles.autoload.test_reload_state as test
        from bundles.autoload import domain

        VERSION = {}

        def migrate(old):
            test.LOG.append("plain")
            context = contextvars.Context()
            asyncio.get_running_loop().call_soon(next_step, context=context)

        def next_step():
            test.LOG.append(f"message reads {{domain.a.VERSION}}")
        """
    wait = """
        import asyncio
        import tests.bundles.autoload.test_reload_state as test

        VERSION = {}

        async def migrate(old):
            await asyncio.sleep(0)
            test.LOG.append("asynchronous")
        """
    await folder.boot({"domain/a.py": plain.format(1), "domain/b.py": wait.format(1)})

    await folder.change({"domain/a.py": plain.format(2), "domain/b.py": wait.format(2)})

    assert LOG == ["asynchronous", "plain", "message reads 2"]


class Taken:
    @http("POST", "/api/chat/other", "other")
    async def other(self) -> str:
        return "of a controller"


@pytest.mark.parametrize(
    "bad",
    [
        {"domain/z.py": "async def start(): raise ValueError"},
        {"api/chat/say.py": "1 / 0"},
        {"api/chat/other.py": SAY.format(1)},
    ],
)
async def test_reload_that_fails_does_not_call_migrate(
    folder: Folder, bad: dict[str, str | bytes]
) -> None:
    move = "items = []\ndef migrate(old): items.extend(old.items); old.items.clear()\n"
    application = await folder.boot({"domain/a.py": move, "api/chat/say.py": SAY.format(1)})
    await application.reload(controllers=[Taken])
    domain.a.items.append(1)

    with pytest.raises(ConfigurationError):
        await folder.change({"domain/a.py": move + "NEW = 1\n", **bad})

    assert domain.a.items == [1]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("def migrate(old): raise ValueError('no')", ":1: migrate() raised ValueError: no"),
        ("def migrate(old): raise SystemExit(3)", ":1: migrate() raised SystemExit: 3"),
        ("async def migrate(old): old.nothing", ":1: migrate() raised AttributeError"),
        (
            "async def late(old): old.nothing\ndef migrate(old): return late(old)",
            ":1: migrate() raised AttributeError",
        ),
        (
            "import asyncio\nasync def migrate(old): await asyncio.Event().wait()",
            ":2: migrate() has not ended after 0.3 s",
        ),
    ],
)
async def test_migrate_that_fails_undoes_the_reload(
    folder: Folder, body: str, problem: str
) -> None:
    hooks = """
        import tests.bundles.autoload.test_reload_state as test

        def start(): test.LOG.append("start")
        def stop(): test.LOG.append("stop")
        """
    await folder.boot({"domain/a.py": "VERSION = 1"}, start_timeout=0.3)

    with pytest.raises(ConfigurationError) as caught:
        await folder.change({"domain/a.py": body, "lib/b.py": hooks})

    assert f"{folder.root}/domain/a.py{problem}" in str(caught.value)
    assert domain.a.VERSION == 1
    assert LOG == ["start", "stop"]


async def test_plain_migrate_may_return_an_awaitable(folder: Folder) -> None:
    later = """
        counts = []

        async def later(old): counts.extend(old.counts)
        def migrate(old): return later(old)
        """
    await folder.boot({"domain/a.py": later})
    domain.a.counts.append(1)

    await folder.change({"domain/a.py": f"{later}\n"})

    assert domain.a.counts == [1]


PAIR = """
    import tests.bundles.autoload.test_reload_state as test

    items = []

    async def start(): test.LOG.append("start {0}")
    async def stop(): test.LOG.append("stop {0}")

    def migrate(old):
        test.LOG.append("migrate {0}")
        items.extend(old.items)
    """


async def test_new_start_file_with_migrate_is_called(folder: Folder) -> None:
    application = await folder.boot({"db/p.py": "items = [1]"})

    await folder.change({"db/p.py": PAIR.format(1)})
    await folder.change({"db/p.py": PAIR.format(2)})
    items = db.p.items
    await application.stop()

    assert LOG == ["start 1", "migrate 1", "migrate 2", "stop 2"]
    assert items == [1]


async def test_start_that_is_new_with_migrate_is_stopped_if_the_reload_fails(
    folder: Folder,
) -> None:
    await folder.boot({"db/p.py": "items = [1]"})

    with pytest.raises(ConfigurationError):
        await folder.change({"db/p.py": PAIR.format(1), "api/a/b.py": "1 / 0"})

    assert LOG == ["start 1", "stop 1"]


CONNECTION = """
    import tests.bundles.autoload.test_reload_state as test

    async def start(): test.LOG.append("open")
    """

CLOSE = """
    import tests.bundles.autoload.test_reload_state as test

    async def stop(): test.LOG.append("close {}")
    """


async def test_stop_file_without_a_start_file_is_called_with_its_folder_only(
    folder: Folder,
) -> None:
    """It closes values that other files of the folder have opened and still use."""
    await folder.boot({"db/geo/connection.py": CONNECTION, "db/geo/stop.py": CLOSE.format(1)})

    await folder.change({"db/geo/stop.py": CLOSE.format(2)})
    with pytest.raises(ConfigurationError):
        await folder.change({"db/geo/stop.py": CLOSE.format(3), "api/a/b.py": "1 / 0"})
    folder.remove("api/a/b.py")
    assert LOG == ["open"]
    await folder.change({"lib/a.py": ""}, remove=("db/geo/connection.py", "db/geo/stop.py"))

    assert LOG == ["open", "close 2"]


async def test_stop_file_that_is_removed_alone_is_not_called(folder: Folder) -> None:
    application = await folder.boot(
        {"db/geo/connection.py": CONNECTION, "db/geo/stop.py": CLOSE.format(1)}
    )

    await folder.change({}, remove=("db/geo/stop.py",))
    await application.stop()

    assert LOG == ["open"]


async def test_stop_file_of_a_new_folder_is_called_if_the_reload_fails(folder: Folder) -> None:
    await folder.boot({"lib/a.py": ""})

    with pytest.raises(ConfigurationError):
        await folder.change(
            {
                "db/geo/connection.py": CONNECTION,
                "db/geo/stop.py": CLOSE.format(1),
                "api/a/b.py": "1 / 0",
            }
        )

    assert LOG == ["open", "close 1"]


async def test_stop_of_a_module_that_opens_at_its_top_is_called_when_it_is_replaced(
    folder: Folder,
) -> None:
    await folder.boot({"db/pool.py": CLOSE.format(1)})

    await folder.change({"db/pool.py": CLOSE.format(2)})

    assert LOG == ["close 1"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("rooms = {}", "rooms"),
        ("_cache, other = [], object()", "_cache, other"),
        ("count = 0\ndef add():\n    global count\n    count += 1", "count"),
        ("def add():\n    def inner():\n        global N\n        N = 1\n    inner()", "N"),
        ("class A:\n    def set(self):\n        global a\n        a = self", "a"),
        ("UNITS = ['B', 'kB']", None),
        ("_UNITS = {}", None),
        ("import logging\nlogger = logging.getLogger('x')", None),
        ("import re\npattern = re.compile('x')\nNumber = int | float", None),
        ("from bundles.autoload import lib\nother = lib", None),
        ("from sys import path, modules", None),
        ("pool = None\ndef start():\n    global pool\n    pool = object()", None),
    ],
)
async def test_values_that_a_reload_loses_are_logged(
    folder: Folder, content: str, names: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bundles.autoload.loading")
    await folder.boot({"lib/a.py": content})
    file = folder.snapshot.files["lib/a.py"]
    assert file.module is not None
    for name in ("add", "N"):
        if callable(add := vars(file.module).get(name)):
            add()
    if "class A" in content:
        file.module.A().set()

    await folder.change({"lib/a.py": f"{content}\n# changed"})

    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" are lost ")[2] for line in lines] == (
        [] if names is None else [f"({names}); write def migrate(old) to take them over"]
    )


async def test_values_that_a_start_file_holds_are_not_logged(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bundles.autoload.loading")
    start = "cities = []\ndef start(): ..."
    await folder.boot({"db/geo/start.py": start})

    await folder.change({"db/geo/start.py": f"{start}\n"})

    assert not caplog.records


async def test_lost_values_are_logged_when_the_reload_has_succeeded(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "bundles.autoload.reload")
    caplog.set_level(logging.INFO, "bundles.autoload.loading")
    await folder.boot({"lib/a.py": "rooms = {}"})

    with pytest.raises(ConfigurationError):
        await folder.change({"lib/a.py": "rooms = {}\n", "api/a/b.py": "1 / 0"})
    assert not caplog.records
    folder.remove("api/a/b.py")
    await folder.change({"lib/a.py": "rooms = {}\n# new"})

    assert len(caplog.records) == 1
