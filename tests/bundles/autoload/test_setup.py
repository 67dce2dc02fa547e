"""The place ``setup``: scripts that run once."""

import asyncio
import logging
import os
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bundles.autoload import AutoloadSettings, init
from bundles.autoload.setup.setup_record import Result, SetupRecord
from bundles.autoload.setup.setup_store import SetupStore
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder, problems_of
from tests.required_tools import ROOT
from tests.waiting import until

LOG: list[str] = []
"""The lines that scripts have logged."""

SCRIPT = """
import tests.bundles.autoload.test_setup as test

test.LOG.append("file NAME")

async def setup():
    test.LOG.append("NAME")
"""


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO, "bundles.autoload")
    LOG.clear()
    return LOG


def script(name: str) -> str:
    return SCRIPT.replace("NAME", name)


async def boot_again(folder: Folder, files: dict[str, str | bytes] | None = None) -> None:
    await folder.stop()
    LOG.clear()
    await folder.boot(files)


async def records(folder: Folder) -> dict[str, SetupRecord]:
    async with SetupStore(folder.root, AutoloadSettings()) as store:
        return dict(await store.records())


# T76
async def test_script_runs_once_over_restarts(folder: Folder) -> None:
    await folder.boot({"setup/tables.py": script("tables")})
    assert LOG == ["file tables", "tables"]

    await boot_again(folder)

    assert LOG == []
    record = (await records(folder))["setup/tables.py"]
    assert record.result is Result.DONE
    assert record.seconds is not None
    assert record.digest == folder.snapshot.tree.files["setup/tables.py"].digest.hex()


# T76
async def test_script_that_has_failed_runs_again(folder: Folder) -> None:
    """Impress of 2015 wrote ``done`` after a failure."""
    failing = "\nasync def setup():\n    raise ValueError('no disk')\n"
    for _ in range(2):
        text = await problems_of(folder, {"setup/tables.py": failing})
        assert text == f"{folder.root}/setup/tables.py:3: setup() raised ValueError: no disk"
        record = (await records(folder))["setup/tables.py"]
        assert (record.result, record.error) == (Result.FAILED, text)

    await boot_again(folder, {"setup/tables.py": script("tables")})
    await boot_again(folder)

    assert (await records(folder))["setup/tables.py"].result is Result.DONE
    assert LOG == []


async def test_scripts_run_in_the_order_of_their_paths(folder: Folder) -> None:
    names = ("010_users", "002_tables", "z", "geo/cities", "_private")

    await folder.boot({f"setup/{name}.py": script(name) for name in names})

    assert [line for line in LOG if "file" not in line] == [
        "002_tables",
        "010_users",
        "geo/cities",
        "z",
    ]


async def test_script_whose_content_has_changed_runs_again(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"setup/a.py": script("a"), "setup/b.py": script("b")})
    begun = (await records(folder))["setup/a.py"].time
    caplog.clear()

    await boot_again(folder, {"setup/a.py": script("a again")})

    assert LOG == ["file a again", "a again"]
    assert caplog.messages[0] == (
        f"{folder.root}/setup/a.py: runs again: it has changed since the run of {begun}"
    )
    assert caplog.messages[1].startswith(f"{folder.root}/setup/a.py: done in ")


async def test_script_of_another_application_in_the_same_folder_runs_too(tmp_path: Path) -> None:
    """Two applications in one folder share its file."""
    for name in ("shop", "blog"):
        folder = Folder(tmp_path / name)
        await folder.boot({"setup/tables.py": script(name)})
        await folder.stop()

    assert [line for line in LOG if "file" not in line] == ["shop", "blog"]
    assert [path.name for path in (tmp_path / "var").glob("*.sqlite3")] == ["setup.sqlite3"]


async def test_two_applications_with_one_name_and_one_file_are_an_error(tmp_path: Path) -> None:
    """A script of one would count as done for the other."""
    file = tmp_path / "setup.sqlite3"
    shop, blog = (Folder(tmp_path / name / "application") for name in ("shop", "blog"))
    await shop.boot({"setup/tables.py": script("shop")}, setup_file=file)

    text = await problems_of(blog, {"setup/tables.py": script("blog")}, setup_file=file)

    assert f"{shop.root} and {blog.root} have the same name" in text
    assert "set autoload.setup_file to another file for one of them" in text
    await shop.stop()


async def test_failed_script_stops_the_boot_before_the_next_one(folder: Folder) -> None:
    files: dict[str, str | bytes] = {
        "db/geo.py": "async def start(): note('db')\nasync def stop(): note('db stops')",
        "setup/a.py": script("a"),
        "setup/b.py": "def setup():\n    raise SystemExit(3)",
        "setup/c.py": script("c"),
        "init/web.py": "async def start(): note('init')",
    }
    note = "import tests.bundles.autoload.test_setup as test\nnote = test.LOG.append\n"
    files |= {key: f"{note}{files[key]!s}" for key in ("db/geo.py", "init/web.py")}

    text = await problems_of(folder, files)

    assert text == f"{folder.root}/setup/b.py:2: setup() raised SystemExit: 3"
    assert LOG == ["db", "file a", "a", "db stops"]
    assert (await records(folder)).keys() == {"setup/a.py", "setup/b.py"}


async def test_places_start_in_their_order_around_setup(folder: Folder) -> None:
    """config → lib → model → db → bus → setup → domain → init."""
    files: dict[str, str | bytes] = {
        f"{place}/a.py": (
            "import tests.bundles.autoload.test_setup as test\n"
            f"async def start(): test.LOG.append('{place}')\n"
            f"async def stop(): test.LOG.append('stop {place}')"
        )
        for place in ("init", "domain", "db", "model", "lib")
    }

    await folder.boot({**files, "setup/a.py": script("setup")})
    await folder.stop()

    assert [
        *("lib", "model", "db", "file setup", "setup", "domain", "init"),
        *("stop init", "stop domain", "stop db", "stop model", "stop lib"),
    ] == LOG


async def test_script_uses_started_files_and_services(folder: Folder) -> None:
    await folder.boot(
        {
            "model/city.py": "NAMES = ['Rome']",
            "db/geo.py": "def start():\n    global rows\n    rows = []",
            "setup/cities.py": """
                from bundles.autoload import application, db, model
                from rxkernel import Settings

                def setup():
                    assert application.injector.get(Settings).http.port == 0
                    db.geo.rows.extend(model.city.NAMES)
                """,
            "init/count.py": """
                from bundles.autoload import db

                async def start():
                    global count
                    count = len(db.geo.rows)
                """,
        }
    )

    assert init.count.count == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("x = 1", "a.py: has no function setup; write async def setup()"),
        ("from os import getcwd as setup", "a.py: has no function setup; write async def setup()"),
        ("async def setup(application): ...", "a.py:1: setup has parameters; write async def"),
        ("def setup(:", "a.py:1: SyntaxError: invalid syntax: def setup(:"),
        ("1 / 0", "a.py:1: ZeroDivisionError: division by zero"),
        (
            "from bundles.autoload import register\ndef setup():\n    register(1)",
            "a.py:3: setup() raised RxKernelError: ",
        ),
        ("from bundles.autoload import register\nregister(1)", "a.py runs once, so it cannot"),
        (
            "from bundles.autoload import lib\ndef setup():\n    lib.pool = 1",
            "a.py runs once, so lib.pool would be missing after the next start; set it in a start",
        ),
        ("import application.lib.a", "a.py:1: imports application.lib.a; files of the"),
    ],
    ids=[
        "missing",
        "imported",
        "parameters",
        "syntax",
        "raises",
        "hook",
        "registers",
        "sets",
        "import",
    ],
)
async def test_wrong_script_is_an_error_with_its_place(
    content: str, problem: str, folder: Folder
) -> None:
    text = await problems_of(folder, {"setup/a.py": content, "lib/a.py": ""})

    assert problem in text
    assert (await records(folder))["setup/a.py"].result is Result.FAILED


async def test_script_that_is_done_is_not_executed(folder: Folder) -> None:
    """The modules that it imports may be deleted."""
    await folder.boot(
        {
            "lib/old.py": "x = 1",
            "setup/a.py": "from bundles.autoload import lib\nlib.old\nasync def setup(): ...",
        }
    )
    await folder.stop()

    folder.remove("lib/old.py")
    await folder.boot({"lib/new.py": ""})

    assert "setup/a.py" not in folder.snapshot.files


async def test_init_file_of_setup_and_other_files_are_ignored(folder: Folder) -> None:
    await folder.boot({"setup/__init__.py": "1 / 0", "setup/a.sql": "", "setup/_b.py": "1 / 0"})

    assert not (folder.root.parent / "var").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("send-mail", "'send-mail' is not a name of Python"), ("001-a", "is not a name of Python")],
)
async def test_invalid_name_of_a_script_is_an_error(name: str, text: str, folder: Folder) -> None:
    assert text in await problems_of(folder, {f"setup/{name}.py": script("a")})


async def test_no_file_can_require_a_script(folder: Folder) -> None:
    files: dict[str, str | bytes] = {
        "tasks/a.py": "requires = ('setup.a',)\nevery = '1d'\nasync def method(): ...",
        "setup/a.py": script("a"),
    }

    text = await problems_of(folder, files)

    assert "requires has 'setup.a'; a name begins with one of resources, schemas" in text


async def test_reload_runs_no_script(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    await folder.boot({"setup/a.py": script("a"), "lib/a.py": "x = 1"})
    LOG.clear()
    caplog.clear()

    executed = await folder.change({"setup/a.py": script("a2"), "setup/b.py": script("b")})

    assert executed == set()
    assert LOG == []
    assert caplog.messages == [
        f"{folder.root}/setup/{name}.py: not run by a reload; restart the application to run it"
        for name in "ab"
    ]

    caplog.clear()
    await folder.change({"lib/a.py": "x = 2"}, remove=("setup/b.py",))

    assert [message.partition(" in ")[0] for message in caplog.messages] == [
        f"{folder.root}/lib/a.py: loaded"
    ]
    await boot_again(folder)
    assert LOG == ["file a2", "a2"]


async def test_file_of_the_records_is_a_setting(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "data" / "done.sqlite3"

    await folder.boot({"setup/a.py": script("a")}, setup_file=file)

    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert not (tmp_path / "var").exists()


async def test_file_of_the_records_that_cannot_be_used_is_an_error(
    folder: Folder, tmp_path: Path
) -> None:
    file = tmp_path / "text.sqlite3"
    file.write_text("no database" * 100)

    text = await problems_of(folder, {"setup/a.py": script("a")}, setup_file=file)

    assert "set autoload.setup_file to a new file in a writable folder" in text
    assert LOG == []


async def test_outage_of_the_file_during_a_run_is_an_error(folder: Folder, tmp_path: Path) -> None:
    """The result of a script that has run could not be stored."""
    file = tmp_path / "setup.sqlite3"
    drop = f"""
        import sqlite3

        def setup():
            database = sqlite3.connect({str(file)!r})
            database.execute("DROP TABLE setup")
            database.close()
        """

    text = await problems_of(folder, {"setup/a.py": drop}, setup_file=file)

    assert text == (
        f"the file {str(file)!r} of set-up scripts cannot be used: no such table: setup; the "
        f"set-up script that has run last may run again"
    )


@asynccontextmanager
async def booting(root: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bundles.autoload.setup_process", str(root)),
        cwd=ROOT,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def read_until(process: Process, end: str) -> list[str]:
    """Return the lines of *process* up to the first one that ends with *end*."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(60):
        while not lines or not lines[-1].endswith(end):
            read = await process.stdout.readline()
            assert read, f"the process ended before it wrote {end!r}: {lines}"
            lines.append(read.decode().strip())
    return lines


HANGING = """
import pathlib, time

def setup():
    if not pathlib.Path(GO).exists():
        print("hangs", flush=True)
    while not pathlib.Path(GO).exists():
        time.sleep(0.02)
    if pathlib.Path(GO).read_text() == "fail":
        raise ValueError("no disk")
    print("runs to its end", flush=True)
"""


# T76
async def test_script_killed_half_way_runs_again_and_is_logged(
    folder: Folder, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    folder.write({"setup/a.py": HANGING.replace("GO", repr(str(go)))})
    async with booting(folder.root) as process:
        await read_until(process, "hangs")
    (record,) = (await records(folder)).values()
    assert (record.result, record.seconds) == (Result.RUNNING, None)

    go.touch()
    async with booting(folder.root) as process:
        lines = await read_until(process, "booted")

    again = f"runs again: its process ended during the run of {record.time}"
    assert lines[:2] == [f"{folder.root}/setup/a.py: {again}", "runs to its end"]
    assert (await records(folder))["setup/a.py"].result is Result.DONE


async def test_second_process_waits_and_does_not_run_the_script(
    folder: Folder, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    folder.write({"setup/a.py": HANGING.replace("GO", repr(str(go)))})
    async with booting(folder.root) as first:
        await read_until(first, "hangs")
        async with booting(folder.root) as second:
            waits = await read_until(second, "setup")
            go.touch()
            lines = await read_until(second, "booted")
        await read_until(first, "booted")

    assert waits == [f"waits for the process that runs the scripts of {folder.root}/setup"]
    assert lines == ["booted"]


async def test_second_process_fails_with_the_failure_of_the_first(
    folder: Folder, tmp_path: Path
) -> None:
    """Each worker would run a failing script otherwise."""
    go = tmp_path / "go"
    folder.write({"setup/a.py": HANGING.replace("GO", repr(str(go)))})
    async with booting(folder.root) as first:
        await read_until(first, "hangs")
        async with booting(folder.root) as second:
            await read_until(second, "setup")
            go.write_text("fail")
            failed = (await read_until(second, ")"))[-1]
        await read_until(first, "no disk")

    assert "setup() raised ValueError: no disk (in another process, at " in failed


async def test_killed_holder_of_the_lock_lets_the_waiting_process_run(
    folder: Folder, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    folder.write({"setup/a.py": HANGING.replace("GO", repr(str(go)))})
    async with booting(folder.root) as second_parent:
        await read_until(second_parent, "hangs")
        async with booting(folder.root) as waiting:
            await read_until(waiting, "setup")
            second_parent.kill()
            await second_parent.wait()
            lines = await read_until(waiting, "hangs")

    assert "runs again: its process ended during the run of" in lines[0]


async def test_lock_that_cannot_be_used_is_an_error(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "done.sqlite3.lock").mkdir()

    text = await problems_of(
        folder, {"setup/a.py": script("a")}, setup_file=tmp_path / "done.sqlite3"
    )

    assert "cannot be used: unable to open database file" in text


async def test_file_of_another_release_is_an_error(folder: Folder, tmp_path: Path) -> None:
    await folder.boot({"setup/a.py": script("a")})
    await folder.stop()
    database = sqlite3.connect(tmp_path / "var" / "setup.sqlite3")
    database.execute("UPDATE rxkernel_schema SET version = 2")
    database.commit()
    database.close()

    with pytest.raises(ConfigurationError, match="its tables of set-up scripts have the version"):
        await folder.boot()


async def test_boot_of_a_test_client_runs_scripts(folder: Folder) -> None:
    application = await folder.boot(
        {
            "setup/a.py": script("a"),
            "api/a/b.py": """
        access = "public"
        async def method(): return 1
        """,
        }
    )

    response = await KernelClient(application).http("a/b")

    assert response.content == 1
    assert LOG == ["file a", "a"]


def blocking(folder: Folder, end: str = "") -> None:
    """Write a script that waits until a file exists, and then executes *end*."""
    text = """
        import asyncio
        import pathlib

        async def setup():
            pathlib.Path(GO).with_name("begun").touch()
            while not pathlib.Path(GO).exists():
                await asyncio.sleep(0.01)
        """
    text = text.replace("GO", repr(str(folder.root.parent / "go")))
    folder.write({"setup/a.py": f"{text.rstrip()}\n            {end}\n"})


async def test_two_applications_of_one_process_run_a_script_once(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    blocking(folder)
    other = Folder(folder.root)

    boots = asyncio.gather(folder.boot(), other.boot())
    await until(lambda: "waits for the process" in caplog.text)
    (folder.root.parent / "go").touch()
    await boots
    await other.stop()

    assert caplog.text.count("runs for the first time") == 1


async def test_two_applications_of_one_process_report_one_failure(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    blocking(folder, "raise ValueError('no disk')")
    other = Folder(folder.root)

    boots = asyncio.gather(folder.boot(), other.boot(), return_exceptions=True)
    await until(lambda: "waits for the process" in caplog.text)
    (folder.root.parent / "go").touch()
    failures = [str(each) for each in await boots]

    assert caplog.text.count("runs for the first time") == 1
    assert sum("(in another process, at " in text for text in failures) == 1
    assert all("setup() raised ValueError: no disk" in text for text in failures)


async def test_script_that_has_failed_in_another_process_and_changed_since_runs(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """A waiting process has read the new content."""
    blocking(folder, "raise ValueError('no disk')")
    other = Folder(folder.root)
    first = asyncio.ensure_future(folder.boot())
    await until(lambda: "runs for the first time" in caplog.text)
    other.write({"setup/a.py": script("a")})
    second = asyncio.ensure_future(other.boot())
    await until(lambda: "waits for the process" in caplog.text)

    (folder.root.parent / "go").touch()
    with pytest.raises(ConfigurationError):
        await first
    await second
    await other.stop()

    assert LOG == ["file a", "a"]


async def test_cancelled_boot_cancels_the_script_which_runs_again(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    blocking(folder)
    boot = asyncio.ensure_future(folder.boot())
    await until((folder.root.parent / "begun").exists)
    boot.cancel()
    with pytest.raises(asyncio.CancelledError):
        await boot
    assert (await records(folder))["setup/a.py"].result is Result.RUNNING

    (folder.root.parent / "go").touch()
    await folder.boot()

    assert "runs again: its process ended during the run of" in caplog.text
