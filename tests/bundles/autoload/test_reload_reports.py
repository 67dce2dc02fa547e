"""The log lines of a reload, and `LiveReload.problems`."""

import asyncio
import logging
import threading

import pytest

from bundles.autoload import Endpoints, LiveReload, building, domain
from bundles.autoload.loading import load_thread, started_tasks
from bundles.autoload.reload.reloader import Reloader
from bundles.autoload.reload.retirement import Retirement
from bundles.autoload.remote import Service
from rxkernel import ConfigurationError, DefinitionEvent, KernelEvents, RxKernelError, observe
from tests.bundles.autoload.conftest import Folder
from tests.waiting import until

FOUND: list[object] = []
"""The objects that a test and its files share."""

SAY = "access = 'public'\nasync def method(): return 1"

RELOAD = """
    import asyncio
    import tests.bundles.autoload.test_reload_reports as test
    from bundles.autoload import LiveReload, application

    async def reload():
        return await application.injector.get(LiveReload).reload()

    async def later(go_on):
        await go_on.wait()
        test.FOUND.append(await reload())

    async def start():
        global go_on, task
        go_on = asyncio.Event()
        task = asyncio.create_task(later(go_on))
        try:
            await reload()
        except Exception as error:
            test.FOUND.append(str(error))
    """


@pytest.fixture(autouse=True)
def fresh(caplog: pytest.LogCaptureFixture) -> None:
    FOUND.clear()
    caplog.set_level(logging.INFO, "bundles.autoload")


def live_reload(folder: Folder) -> LiveReload:
    return folder.application.injector.get(LiveReload)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


async def test_problems_contain_every_error_of_a_reload(folder: Folder) -> None:
    class Fails:
        is_failing = False

        @observe(KernelEvents.KERNEL_DEFINITION)
        async def fail(self, event: DefinitionEvent) -> None:
            if Fails.is_failing:
                raise RuntimeError("not now")

    await folder.boot({"api/a/b.py": SAY}, listeners=[Fails])
    live = live_reload(folder)
    before = folder.snapshot
    folder.write({"api/a/b.py": f"{SAY}\n"})

    Fails.is_failing = True
    with pytest.raises(RuntimeError, match="not now"):
        await live.reload()
    assert live.problems == ("RuntimeError: not now",)
    assert folder.snapshot is before

    Fails.is_failing = False
    assert await live.reload()
    assert not live.problems


async def test_each_problem_is_a_line_of_the_log(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"lib/a.py": "", "lib/b.py": ""})
    folder.write({"lib/a.py": "x = (", "lib/b.py": "1 / 0"})

    assert not await live_reload(folder).reload()

    lines = messages(caplog, logging.ERROR)
    assert len(lines) == len(live_reload(folder).problems) == 2
    for line, name in zip(lines, "ab", strict=True):
        place = f"{folder.root}/lib/{name}.py:1: "
        assert line.startswith(f"not loaded, the previous version stays in use: {place}")
        assert "\n" not in line


async def test_removed_files_are_logged_as_removed(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"lib/a.py": "", "lib/b.py": "", "resources/c.txt": "", "lib/d.py": ""})
    folder.write({"lib/a.py": "A = 1", "resources/d.txt": ""})
    folder.remove("lib/b.py", "resources/c.txt")

    assert await live_reload(folder).reload()

    loaded, removed = messages(caplog, logging.INFO)
    root = folder.root
    assert loaded.startswith(f"{root}/lib/a.py, {root}/resources/d.txt: loaded in ")
    assert removed.startswith(f"{root}/lib/b.py, {root}/resources/c.txt: removed in ")


async def test_methods_that_only_a_lower_version_has_are_logged_once(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    one = {"api/chat/send.py": SAY, "api/chat/leave.py": SAY, "api/chat/router.py": SAY}
    await folder.boot({**one, "api/chat.2/send.py": SAY, "api/single.py": SAY})
    hidden = "chat.1/leave, chat.1/router: can be called only with a version, since the highest"
    assert [line for line in messages(caplog, logging.INFO) if line.startswith(hidden)]
    caplog.clear()

    folder.write({"api/single.2/other.py": SAY})
    assert await live_reload(folder).reload()

    lines = [line for line in messages(caplog, logging.INFO) if "only with a version" in line]
    assert [line.partition(":")[0] for line in lines] == ["single.1/method"]


async def test_removed_highest_version_is_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """Another access may apply to the name without a version now."""
    await folder.boot({"api/chat/send.py": SAY, "api/chat.2/send.py": SAY, "api/other.py": SAY})

    folder.remove("api/chat.2/send.py", "api/other.py")
    assert await live_reload(folder).reload()

    assert messages(caplog, logging.WARNING) == [
        "version 2 of the unit chat is removed, so chat/<method> is version 1 now, with its "
        "access rules"
    ]


async def test_slow_start_hook_is_logged(
    folder: Folder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_SLOW", 0.0)
    await folder.boot({"lib/a.py": ""})
    wait = """
        import asyncio
        import tests.bundles.autoload.test_reload_reports as test

        async def start():
            test.FOUND.append(asyncio.Event())
            await test.FOUND[0].wait()
        """
    folder.write({"lib/a.py": wait})

    reloading = asyncio.create_task(live_reload(folder).reload())
    await until(lambda: bool(messages(caplog, logging.INFO)))

    assert messages(caplog, logging.INFO) == [
        f"{folder.root}/lib/a.py: start() has not ended after 0 s; the limit is 30 s "
        f"(autoload.start_timeout)"
    ]
    event = FOUND[0]
    assert isinstance(event, asyncio.Event)
    event.set()
    assert await reloading


async def test_slow_file_is_logged_once_with_its_line(
    folder: Folder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_thread, "_SLOW", 0.05)
    go_on = threading.Event()
    FOUND.append(go_on)
    await folder.boot({"lib/a.py": ""})
    wait = (
        "x = 1\nimport tests.bundles.autoload.test_reload_reports as test\ntest.FOUND[0].wait(20)"
    )
    folder.write({"lib/a.py": wait})

    reloading = asyncio.create_task(live_reload(folder).reload())
    await until(lambda: bool(messages(caplog, logging.INFO)))
    go_on.set()

    assert await reloading
    assert messages(caplog, logging.INFO)[0] == (
        f"{folder.root}/lib/a.py:3: has not ended after 0.05 s; the limit is 30 s "
        f"(autoload.load_timeout)"
    )
    assert str(messages(caplog, logging.INFO)).count("load_timeout") == 1


LOOP = """
    import asyncio

    async def start():
        global tasks
        tasks = [asyncio.create_task(loop()), asyncio.create_task(asyncio.sleep(0))]

    async def loop():
        await asyncio.Event().wait()
    """

CANCELLING = f"""{LOOP}
    async def stop():
        tasks[0].cancel()
    """


@pytest.mark.parametrize(("content", "is_logged"), [(LOOP, True), (CANCELLING, False)])
async def test_task_of_a_start_hook_that_runs_after_its_stop_is_logged(
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    *,
    is_logged: bool,
) -> None:
    monkeypatch.setattr(started_tasks, "_GRACE", 0.05)
    await folder.boot({"domain/a.py": content, "domain/b.py": ""})
    task = domain.a.tasks[0]

    await folder.change({"domain/b.py": "b = 1"})
    assert messages(caplog, logging.WARNING) == []
    await folder.change({"domain/c.py": ""}, remove=("domain/a.py",))

    expected = (
        f"{folder.root}/domain/a.py:9: a task that start() has started, loop(), is still running; "
        f"cancel it in async def stop()"
    )
    assert messages(caplog, logging.WARNING) == ([expected] if is_logged else [])
    task.cancel()


async def test_task_of_a_start_hook_of_a_load_that_fails_is_logged(
    folder: Folder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(started_tasks, "_GRACE", 0.05)
    await folder.boot({"domain/kept.py": LOOP, "domain/a.py": ""})
    task = domain.kept.tasks[0]

    with pytest.raises(ConfigurationError):
        await folder.change({"domain/a.py": LOOP, "api/x/y.py": "1 / 0"})

    lines = messages(caplog, logging.WARNING)
    assert [line.partition(": ")[0] for line in lines] == [f"{folder.root}/domain/a.py:9"]
    for each in asyncio.all_tasks():
        if getattr(each.get_coro(), "__name__", "") == "loop":
            each.cancel()
    assert task.cancelling()


async def test_reload_in_a_start_hook_is_an_error_at_once(folder: Folder) -> None:
    await folder.boot({"lib/a.py": ""})
    folder.write({"lib/a.py": RELOAD})

    assert await live_reload(folder).reload()

    assert len(FOUND) == 1
    assert "reload() was called by a hook of a reload" in str(FOUND[0])


async def test_reload_in_a_task_that_a_start_hook_has_created_waits_its_turn(
    folder: Folder,
) -> None:
    await folder.boot({"lib/a.py": ""})
    folder.write({"lib/a.py": RELOAD})
    assert await live_reload(folder).reload()
    folder.write({"lib/b.py": ""})

    module = folder.snapshot.files["lib/a.py"].module
    assert module is not None
    module.go_on.set()
    await module.task

    assert FOUND[1:] == [True]


async def test_reload_in_a_start_hook_of_the_boot_is_an_error(folder: Folder) -> None:
    await folder.boot({"lib/a.py": RELOAD})

    assert FOUND == ["the application is not booted, so no file can be reloaded"]


async def test_watching_can_be_started_again(folder: Folder) -> None:
    await folder.boot({"lib/a.py": ""}, reload=True)
    live = live_reload(folder)
    await live.start()
    await live.stop()
    await live.start()
    folder.write({"lib/a.py": "A = 1"})

    await until(lambda: folder.snapshot.number == 2)
    await live.stop()


async def test_error_of_a_reload_of_a_stopped_application_is_raised(folder: Folder) -> None:
    application = await folder.boot({"lib/a.py": ""})
    live = live_reload(folder)
    await application.stop()

    with pytest.raises(RxKernelError, match="the application is stopping"):
        await live.reload()


async def test_connections_that_cannot_be_closed_are_logged(
    folder: Folder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Service] = []

    async def close(service: Service) -> None:
        closed.append(service)
        raise OSError("broken")

    service = "url = 'http://127.0.0.1:1'"
    await folder.boot({"bus/a/_service.py": service, "bus/b/_service.py": service})
    monkeypatch.setattr(Service, "close", close)

    await folder.change({"lib/a.py": ""}, remove=("bus/a/_service.py", "bus/b/_service.py"))

    assert len(closed) == 2
    assert messages(caplog, logging.ERROR) == [
        f"connections of bus.{name} could not be closed" for name in "ab"
    ]


async def test_version_that_failed_is_executed_again_only_after_a_change_or_by_a_call(
    folder: Folder,
) -> None:
    await folder.boot({"lib/a.py": "", "lib/b.py": ""})
    endpoints = folder.application.injector.get(Endpoints)
    retirement = Retirement(folder.autoload, timeout=30)
    reloader = Reloader(folder.application, folder.autoload, endpoints, retirement)
    note = "import tests.bundles.autoload.test_reload_reports as test\ntest.FOUND.append(1)"
    folder.write({"lib/a.py": f"{note}\nasync def start(): 1 / 0"})

    assert not await reloader.reload(["lib/a.py"])
    assert not await reloader.reload()
    assert not await reloader.reload(["lib/a.py"])
    assert (len(FOUND), len(reloader.problems)) == (1, 1)
    assert not await reloader.reload(again=True)
    assert len(FOUND) == 2
    folder.write({"lib/b.py": "A = 1"})
    assert not await reloader.reload()
    assert len(FOUND) == 3
    folder.write({"lib/a.py": note})
    assert await reloader.reload()
    assert (len(FOUND), reloader.problems) == (4, ())


async def test_version_that_failed_for_its_permissions_is_loaded_when_these_change(
    folder: Folder,
) -> None:
    await folder.boot({"lib/a.py": "", "lib/b.py": ""})
    endpoints = folder.application.injector.get(Endpoints)
    retirement = Retirement(folder.autoload, timeout=30)
    reloader = Reloader(folder.application, folder.autoload, endpoints, retirement)
    folder.write({"lib/a.py": "A = 1"})
    (folder.root / "lib").chmod(0o777)
    assert not await reloader.reload()

    (folder.root / "lib").chmod(0o755)
    assert await reloader.reload()


async def test_warnings_of_files_that_are_not_loaded_are_logged_once_at_a_reload(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"lib/a.py": ""}, mode="test")
    live = live_reload(folder)
    folder.write(
        {"config/other.json": "", "config/app.tset.py": "", "Domain/a.py": "", "DB/a": ""}
    )

    await live.reload()
    await live.reload()
    expected = [
        f"{folder.root}/DB is not loaded; did you mean db?",
        f"{folder.root}/Domain is not loaded; did you mean domain?",
        f"{folder.root}/config/app.tset.py is not loaded; the mode is 'test'",
        f"{folder.root}/config/other.json is not loaded; write Python or TOML: other.toml",
    ]
    assert messages(caplog, logging.WARNING) == expected
    folder.remove("config/other.json")
    await live.reload()
    folder.write({"config/other.json": ""})
    await live.reload()
    assert messages(caplog, logging.WARNING) == [*expected, expected[-1]]
