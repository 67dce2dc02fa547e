"""The snapshot that views read."""

import asyncio
import copy
import pickle

import pytest

from bundles.autoload import application, config, domain, lib, resources
from bundles.autoload.loading.scope import current_runtime
from rxkernel import Request, RxKernelError
from tests.bundles.autoload.conftest import Folder


def version(number: int) -> dict[str, str | bytes]:
    return {"lib/version.py": f"def version(): return {number}"}


@pytest.fixture
def two(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("second") / "application"
    root.mkdir()
    return Folder(root)


def test_view_without_an_application_is_an_error_with_the_remedy() -> None:
    with pytest.raises(RxKernelError, match="no application with AutoloadBundle runs; read"):
        _ = lib.version


def test_view_can_be_stored_copied_and_pickled() -> None:
    assert pickle.loads(pickle.dumps(lib)) == lib
    assert copy.deepcopy({lib: 1}) == {lib: 1}
    assert lib != domain
    assert not hasattr(lib, "__wrapped__")


async def test_message_reads_its_snapshot_until_it_has_ended(folder: Folder) -> None:
    await folder.boot(version(1))

    with folder.message():
        await folder.change(version(2))
        assert lib.version() == 1
        with folder.message():
            assert lib.version() == 2
        assert lib.version() == 1

    assert lib.version() == 2


async def test_nested_scope_keeps_its_snapshot_until_the_outer_block_ends(folder: Folder) -> None:
    await folder.boot(version(1))
    scope = folder.autoload.scope(Request("HTTP"))
    await folder.change(version(2))

    with scope:
        with scope:
            assert lib.version() == 1
        assert lib.version() == 1
    assert lib.version() == 2


# F5
async def test_removed_file_stays_for_the_messages_in_flight(folder: Folder) -> None:
    await folder.boot({**version(1), "lib/other.py": ""})

    with folder.message():
        await folder.change({}, remove=("lib/version.py",))
        assert lib.version() == 1

    with pytest.raises(AttributeError, match="lib has no 'version'"):
        lib.version()


async def test_task_of_a_message_reads_the_current_snapshot_after_its_end(folder: Folder) -> None:
    await folder.boot(version(1))
    has_read, is_over = asyncio.Event(), asyncio.Event()

    async def read() -> tuple[int, int]:
        first = lib.version()
        has_read.set()
        await is_over.wait()
        return first, lib.version()

    with folder.message():
        task = asyncio.create_task(read())
        await has_read.wait()
        await folder.change(version(2))
    is_over.set()

    assert await task == (1, 2)


async def test_task_of_a_start_hook_reads_the_current_snapshot(folder: Folder) -> None:
    await folder.boot(
        {
            **version(1),
            "domain/clock.py": """
                import asyncio
                from bundles.autoload import lib

                read, results = asyncio.Queue(), asyncio.Queue()

                async def tick():
                    while await read.get():
                        results.put_nowait(lib.version())

                async def start():
                    global task
                    task = asyncio.create_task(tick())

                async def stop():
                    read.put_nowait(False)
                    await task
                """,
        }
    )
    clock = domain.clock

    async def ask() -> int:
        clock.read.put_nowait(True)
        found: int = await clock.results.get()
        return found

    assert await ask() == 1
    await folder.change(version(2))
    assert await ask() == 2


async def test_message_of_one_of_two_applications_reads_its_own_files(
    folder: Folder, two: Folder
) -> None:
    await folder.boot(version(1))
    await two.boot(version(2))

    assert lib.version() == 2  # the application that was booted last
    with folder.message():
        assert lib.version() == 1
        assert application.settings is folder.application.settings
        with two.message():
            assert lib.version() == 2
    await folder.change(version(3))
    assert lib.version() == 2
    modules = [next(iter(f.snapshot.modules)) for f in (folder, two)]
    assert modules == ["application.lib.version", "application_2.lib.version"]

    await two.stop()

    assert lib.version() == 3


async def test_task_of_a_stopped_application_gets_an_error(folder: Folder, two: Folder) -> None:
    await folder.boot(version(1))
    is_over = asyncio.Event()

    async def read() -> int:
        await is_over.wait()
        found: int = lib.version()
        return found

    with folder.message():
        task = asyncio.create_task(read())
    await two.boot(version(2))
    await folder.stop()
    is_over.set()

    with pytest.raises(RxKernelError, match="the application of this task has stopped"):
        await task
    await two.stop()


async def test_application_that_is_booted_again_is_loaded_again(folder: Folder) -> None:
    booted = await folder.boot(version(1))
    await booted.stop()
    folder.write(version(2))
    await booted.boot()

    assert lib.version() == 2
    assert list(folder.snapshot.modules) == ["application.lib.version"]


async def test_application_view_is_the_running_application(folder: Folder) -> None:
    await folder.boot(
        {
            "domain/own.py": """
                from bundles.autoload import Autoload, application

                async def start():
                    global autoload
                    autoload = application.injector.get(Autoload)
                """
        }
    )

    assert domain.own.autoload is folder.autoload
    assert application.dispatcher is folder.application.dispatcher
    assert current_runtime() is folder.autoload


async def test_resources_are_bytes_by_path(folder: Folder) -> None:
    await folder.boot(
        {
            "resources/mail/welcome 1.txt": b"hello\xff",
            "resources/.hidden": "",
            "lib/mail.py": """
                from bundles.autoload import resources

                TEXT = resources["mail/welcome 1.txt"]
                """,
        }
    )

    assert dict(resources) == {"mail/welcome 1.txt": b"hello\xff"}
    assert len(resources) == 1
    assert lib.mail.TEXT == b"hello\xff"

    await folder.change({"resources/mail/welcome 1.txt": b"bye"})

    assert lib.mail.TEXT == b"bye"
    assert resources["mail/welcome 1.txt"] == b"bye"


async def test_thread_of_a_message_after_a_reload_reads_the_snapshot_of_the_message(
    folder: Folder,
) -> None:
    await folder.boot(version(1))

    with folder.message():
        await folder.change(version(2))
        assert await asyncio.to_thread(lambda: lib.version()) == 1


async def test_configuration_is_read_by_attribute_and_by_name_of_the_file(folder: Folder) -> None:
    await folder.boot({"config/app.py": "port = 8", "config/deep/inner.py": "x = 1"})

    assert config["app"]["port"] == config.app.port == 8
    assert config["deep"]["inner"]["x"] == 1
    assert pickle.loads(pickle.dumps(config))["app"]["port"] == 8
    with pytest.raises(KeyError, match="config has no 'ap'"):
        config["ap"]
    with pytest.raises(KeyError, match=r"config\.deep has no 'iner'"):
        config["deep"]["iner"]
