"""What a file becomes when it is loaded, and errors while it is executed."""

import asyncio
import re
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from bundles.autoload import api, db, domain, lib
from rxkernel import ConfigurationError
from tests.bundles.autoload.conftest import Folder, problems_of

PUBLIC = "access = 'public'\n"

ASKED, ANSWER = threading.Event(), threading.Event()
BEGUN, END, ENDED = threading.Event(), threading.Event(), threading.Event()
RAN: list[int] = []


def wait_for_end() -> None:
    BEGUN.set()
    END.wait(20)
    threading.Timer(0.05, ENDED.set).start()


async def test_file_with_method_or_a_function_of_its_name_is_called(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/add.py": "LIMIT = 5\ndef add(a, b): return a + b",
            "lib/double.py": "async def method(a): return 2 * a",
            "lib/limits.py": "LIMIT = 7\ndef check(): return LIMIT",
            "lib/cached.py": """
                from functools import cache

                @cache
                def cached(): return 9
                """,
        }
    )

    assert lib.add(1, 2) == 3
    assert await lib.double(4) == 8
    assert (lib.limits.LIMIT, lib.limits.check()) == (7, 7)
    assert lib.cached() == 9


async def test_folder_is_a_namespace_with_parent(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/example/tools/first.py": "def first(): return 1",
            "lib/example/tools/numbers.py": "ONE = 1",
            "lib/example/other.py": "OTHER = 2",
        }
    )

    assert lib.example.tools.parent.other.OTHER == 2
    assert lib.example.tools.numbers.parent.first() == 1
    assert dir(lib.example) == ["other", "tools"]
    assert repr(lib.example.tools) == "<namespace lib.example.tools>"
    with pytest.raises(AttributeError, match=r"lib.example has no 'othr'; did you mean 'other'"):
        _ = lib.example.othr
    with pytest.raises(AttributeError, match="has no attribute '_other'"):
        _ = lib.example._other
    with pytest.raises(AttributeError, match=r"the folder .*/domain has no files"):
        _ = domain.chat


async def test_init_file_adds_its_public_names_to_the_namespace(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/example/__init__.py": "LIMIT = 1\n_PRIVATE = 2",
            "lib/example/add.py": """
                from bundles.autoload import lib

                DOUBLE = 2 * lib.example.LIMIT
                """,
        }
    )

    assert (lib.example.LIMIT, lib.example.add.DOUBLE) == (1, 2)
    assert dir(lib.example) == ["LIMIT", "add"]

    executed = await folder.change({"lib/example/__init__.py": "LIMIT = 5"})

    assert (lib.example.LIMIT, lib.example.add.DOUBLE) == (5, 10)
    assert executed == {"lib/example/__init__.py", "lib/example/add.py"}


async def test_requires_loads_other_files_first(folder: Folder) -> None:
    await folder.boot(
        {
            "domain/chat.py": "requires = ('db.geo', 'domain.users')",
            "db/geo/pool.py": "",
            "db/geo/query.py": "",
            "domain/users.py": "",
        }
    )

    assert list(folder.snapshot.files)[-1] == "domain/chat.py"
    executed = await folder.change({"db/geo/added.py": ""})
    assert executed == {"db/geo/added.py", "domain/chat.py"}


@pytest.mark.parametrize(
    ("requires", "rule"),
    [
        ("('lib.missing',)", "lib has no 'missing'"),
        ("('npm.pg',)", "requires has 'npm.pg'; a name begins with one of"),
        ("('../x',)", "requires has '../x'; a name begins with one of"),
        ("'lib.example'", "must be a tuple of names"),
        ("(1,)", "must be a tuple of names"),
        ("5", "must be a tuple of names"),
        ("('domain.chat',)", "domain comes after lib; read it in a function"),
    ],
)
async def test_requires_with_an_invalid_name_is_reported(
    folder: Folder, requires: str, rule: str
) -> None:
    text = await problems_of(
        folder, {"lib/add.py": f"X = 1\nrequires = {requires}", "domain/chat.py": ""}
    )

    assert rule in text.partition("lib/add.py:2: ")[2]


async def test_new_file_reloads_the_files_that_looked_for_it(folder: Folder) -> None:
    await folder.boot(
        {"lib/add.py": "from bundles.autoload import lib\nEXTRA = getattr(lib, 'extra', None)"}
    )

    before = lib.add.EXTRA
    await folder.change({"lib/extra.py": "def extra(): return 1"})
    assert (before, lib.add.EXTRA()) == (None, 1)


async def test_import_loop_is_reported_with_its_chain(folder: Folder) -> None:
    read = "from bundles.autoload import lib\n\nX = lib.{}.X"
    text = await problems_of(
        folder,
        {
            "lib/a.py": read.format("b"),
            "lib/b.py": read.format("c"),
            "lib/c.py": read.format("a"),
            "lib/own.py": read.format("own"),
        },
    )

    a, b, c, own = (folder.root / "lib" / f"{name}.py" for name in ("a", "b", "c", "own"))
    assert f"{a}:3: import loop: {a}:3 → {b}:3 → {c}:3 → {a}; read one of them in" in text
    assert f"{own}:3: import loop: {own}:3 → {own};" in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("x = 1\nx = (", ":2: SyntaxError: '(' was never closed: x = ("),
        ("x = 1\n  y = 2", ":2: IndentationError: unexpected indent"),
        (b"x = 1\ny = '\xe9'", ":2: SyntaxError: (unicode error) 'utf-8' codec can't decode"),
        (b"\xff\xfex\0", ":1: SyntaxError: the file has a null byte; is it text?"),
        (b"x = 1\ny = '\0'", ":2: SyntaxError: the file has a null byte"),
        ("# coding: klingon", ":1: SyntaxError: unknown encoding: klingon"),
        ("-" * 99_999 + "1", ": MemoryError: an expression is nested too deeply"),
        ("x = 1\n1 / 0", ":2: ZeroDivisionError: division by zero, raised while"),
        ("import nowhere", ":1: ModuleNotFoundError: No module named 'nowhere'"),
        ("import sys\nsys.exit()", ":2: SystemExit, raised while the file was executed; a file"),
        (
            "raise KeyboardInterrupt",
            ":1: KeyboardInterrupt, raised while the file was executed; a",
        ),
        ("raise GeneratorExit", ":1: GeneratorExit, raised while the file was executed"),
        ("import asyncio\nraise asyncio.CancelledError", ":2: CancelledError"),
        ("class Own(BaseException): pass\nraise Own('{x} %s')", ":2: Own: {x} %s, raised while"),
        ("def f(): f()\nf()", ":1: RecursionError"),
        ("from bundles.autoload import lib\nlib.adds", ":2: AttributeError: lib has no"),
        ("from bundles.autoload import domain\ndomain.x", ":2: reads domain.x while it is"),
        ("await x", ":1: SyntaxError: 'await' outside function"),
        ("__name__ = 5\nraise ValueError", ":2: ValueError, raised while"),
        ("raise StopIteration", ":1: StopIteration"),
        (
            "x = lib.units",
            ":1: NameError: name 'lib' is not defined, raised while the file was executed; write "
            "from bundles.autoload import lib",
        ),
        (
            "x = 1\ndef f():\n    return [db.geo for _ in 'ab']",
            ":3: reads db, which it does not import; write from bundles.autoload import db",
        ),
        ("class A:\n    def f(self): application.x", ":2: reads application, which it does not"),
    ],
)
async def test_error_of_a_file_is_reported_with_path_and_line(
    folder: Folder, content: str | bytes, problem: str
) -> None:
    text = await problems_of(folder, {"lib/add.py": content, "lib/other.py": "OTHER = 1"})

    assert f"{folder.root}/lib/add.py{problem}" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        "def f(db): return db.x, f.lib",
        "async def start():\n    global db\n    db = 5\ndef f(): return db",
        "def f():\n    from bundles.autoload import db\n    return lambda: db.x",
        "from bundles.autoload import *\ndef f(): return db.x",
        "for db in 'ab': pass\ndef f(): return db",
        "class A:\n    db = 5\n    lib = db",
        "def f(x: 'schemas.City') -> 'lib': ...",
        "def f(): return tasks",
    ],
)
async def test_name_of_a_namespace_without_a_missing_import_is_accepted(
    folder: Folder, content: str
) -> None:
    await folder.boot({"lib/a.py": content})

    assert "f" in vars(lib.a) or lib.a.A.db == 5


async def test_errors_of_several_files_are_reported_without_their_consequences(
    folder: Folder,
) -> None:
    text = await problems_of(
        folder,
        {
            "lib/one.py": "1 / 0",
            "lib/two.py": "x = (",
            "domain/reader.py": "from bundles.autoload import lib\nlib.one.X",
            "domain/catcher.py": """
                from bundles.autoload import lib
                try:
                    lib.one.X
                except Exception:
                    pass
                """,
            "schemas/City.py": "schema = {'a': 'nummber'}",
            "config/database.py": "raise ValueError",
            "api/chat/send.py": "x = ]",
        },
    )

    lines = [re.sub(r".*?/application/", "", line) for line in text.splitlines()]
    assert sorted(line.split(" ")[0] for line in lines) == [
        "api/chat/send.py:1:",
        "config/database.py:1:",
        "lib/one.py:1:",
        "lib/two.py:1:",
        "schemas/City.py:1:",
    ]


async def test_file_that_never_returns_is_reported_with_its_line(folder: Folder) -> None:
    """The thread that executes the file cannot be stopped."""
    text = await problems_of(
        folder,
        {
            "lib/a.py": "import threading\nEND = threading.Event()\nEND.wait()",
            "lib/b.py": "",
        },
        load_timeout=0.5,
    )

    assert "lib/a.py:3: has not ended after 0.5 s; a file must return" in text


# F5
async def test_endless_import_does_not_keep_the_process_from_ending(folder: Folder) -> None:
    folder.write({"lib/endless.py": "x = 1\nwhile True:\n    x += 1\n"})
    code = f"""
        import asyncio
        from bundles.autoload import AutoloadBundle, AutoloadSettings
        from bundles.contracts import ContractsBundle
        from rxkernel import Application, Settings

        settings = Settings(bundles={{"autoload": AutoloadSettings(load_timeout=1.0)}})
        bundles = [AutoloadBundle({str(folder.root)!r}), ContractsBundle]
        asyncio.run(Application(bundles=bundles, settings=settings).boot())
        """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", dedent(code), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert re.search(r"lib/endless.py:[23]: has not ended after 1 s; a file must", errors.decode())


async def test_event_loop_runs_while_files_are_executed(folder: Folder) -> None:
    boot = asyncio.create_task(
        folder.boot(
            {
                "lib/slow.py": """
                    import tests.bundles.autoload.test_files as test

                    test.ASKED.set()
                    ANSWERED = test.ANSWER.wait(20)
                    """
            }
        )
    )
    async with asyncio.timeout(20):
        await asyncio.to_thread(ASKED.wait)
        ANSWER.set()
        await boot

    assert lib.slow.ANSWERED


async def test_changed_attribute_of_a_folder_reloads_the_files_that_read_it(
    folder: Folder,
) -> None:
    start = "from bundles.autoload import db\nasync def start(): db.geo.pool = {}"
    endpoint = (
        "from bundles.autoload import db\nPOOL = db.geo.pool\nasync def method(): return POOL"
    )
    await folder.boot(
        {"db/geo/start.py": start.replace("{}", "1"), "api/geo/pool.py": f"{PUBLIC}{endpoint}"}
    )
    assert await api.geo.pool() == 1
    assert dir(api) == ["geo"]

    await folder.change({"db/geo/start.py": start.replace("{}", "2")})

    assert await api.geo.pool() == 2


async def test_root_that_vanishes_keeps_the_snapshot(folder: Folder, tmp_path: Path) -> None:
    await folder.boot({"lib/add.py": "def add(): return 1"})
    folder.root.rename(tmp_path / "moved")

    with pytest.raises(ConfigurationError, match="does not exist"):
        await folder.autoload.build()

    assert lib.add() == 1


async def test_cancelled_boot_executes_no_further_file(folder: Folder) -> None:
    folder.write(
        {
            "lib/a.py": "import tests.bundles.autoload.test_files as test\ntest.wait_for_end()",
            "lib/b.py": "import tests.bundles.autoload.test_files as test\ntest.RAN.append(1)",
        }
    )
    boot = asyncio.create_task(folder.boot())
    await asyncio.to_thread(BEGUN.wait, 20)
    boot.cancel()
    with pytest.raises(asyncio.CancelledError):
        await boot
    END.set()
    await asyncio.to_thread(ENDED.wait, 20)
    assert RAN == []


async def test_unit_without_version_is_the_highest(folder: Folder) -> None:
    await folder.boot(
        {
            "api/chat/send.py": f"{PUBLIC}async def method(): return 1",
            "api/chat/old.py": f"{PUBLIC}async def method(): return 1",
            "api/chat.2/send.py": f"{PUBLIC}async def method(): return 2",
            "api/chat.10.py": f"{PUBLIC}async def send(): return 10",
            "api/other.3.py": f"{PUBLIC}async def get(): return 3",
        }
    )
    units = folder.snapshot.api

    assert {name: [*unit.versions] for name, unit in units.items()} == {
        "chat": [1, 2, 10],
        "other": [3],
    }
    single = units["chat"].latest.single
    assert single is not None
    assert single.key == "api/chat.10.py"
    assert await api.chat.send() == 10
    assert "__class__" not in units

    await folder.change({}, remove=("api/chat.10.py",))

    assert await api.chat.send() == 2
    with pytest.raises(AttributeError, match=r"api.chat.* has no 'old'"):
        _ = api.chat.old


async def test_folder_keeps_attributes_that_hooks_set(folder: Folder) -> None:
    await folder.boot(
        {
            "db/geo/start.py": """
                from bundles.autoload import db

                async def start():
                    db.geo.pool = "pool"
                """,
            "db/geo/query.py": "",
            "lib/add.py": "",
        }
    )

    assert (db.geo.pool, dir(db.geo)) == ("pool", ["pool", "query", "start"])
    await folder.change({"lib/add.py": "X = 1"})
    assert db.geo.pool == "pool"
    for name in ("query", "parent", "_private"):
        with pytest.raises(AttributeError, match=f"db.geo.{name} .*choose another name"):
            setattr(db.geo, name, 1)
    with pytest.raises(AttributeError, match="only folders of lib, model, db, bus, dom"):
        api.chat = 1
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del db.geo.pool
