"""The version of the files that a message reads when a reload happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle, api, lib
from bundles.contracts import ContractsBundle
from rxkernel import (
    Application,
    ExceptionEvent,
    HttpSettings,
    KernelClient,
    KernelEvents,
    RequestEvent,
    ResponseEvent,
    TerminateEvent,
    http,
    observe,
)
from tests.bundles.autoload.live_folder import LiveFolder, root_of
from tests.servers.socketio_clients import client
from tests.waiting import until

READ: list[Any] = []
"""The values that the code of a test has read."""

SHARED: list[Any] = []
"""The values that a test and its files share."""

EVENTS: dict[str, asyncio.Event] = {}
"""The events for which the files of a test wait."""

POOL = """
    import tests.bundles.autoload.test_message_versions as test

    NUMBER = {0}
    is_open = True

    def stop():
        global is_open
        is_open = False
        test.READ.append("closed {0}")
    """

TWICE = """
    import tests.bundles.autoload.test_message_versions as test
    from bundles.autoload import db

    access = "public"

    async def method():
        first = db.pool.NUMBER
        test.READ.append("began")
        await test.EVENTS["go on"].wait()
        return [first, db.pool.NUMBER, db.pool.is_open]
    """


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveFolder]:
    READ.clear()
    EVENTS.clear()
    EVENTS["go on"] = asyncio.Event()
    folder = LiveFolder(root_of(tmp_path))
    yield folder
    await folder.stop()


async def reload(live: LiveFolder, files: dict[str, str]) -> None:
    live.write(files)
    assert await live.live_reload.reload()


async def test_code_call_outside_of_a_message_reads_one_version(live: LiveFolder) -> None:
    """The stop hooks of the old files wait for it too."""
    await live.serve({"db/pool.py": POOL.format(1), "api/u/twice.py": TWICE}, reload=False)
    calling = asyncio.create_task(api.u.twice())
    await until(lambda: READ == ["began"])

    await reload(live, {"db/pool.py": POOL.format(2)})
    EVENTS["go on"].set()

    assert await calling == [1, 1, True]
    await until(lambda: READ == ["began", "closed 1"])


async def test_code_call_of_a_stop_hook_reads_the_version_of_the_hook(live: LiveFolder) -> None:
    stop = """
        import tests.bundles.autoload.test_message_versions as test
        from bundles.autoload import api

        async def stop():
            test.READ.append(await api.u.twice())
        """
    EVENTS["go on"].set()
    await live.serve(
        {"db/pool.py": POOL.format(1), "domain/a.py": stop, "api/u/twice.py": TWICE}, reload=False
    )

    await reload(live, {"db/pool.py": POOL.format(2), "domain/a.py": "A = 1"})

    await until(lambda: READ == ["began", [1, 1, True], "closed 1"])


async def test_code_call_of_a_controller_reads_one_version(live: LiveFolder) -> None:
    class Calls:
        @http("GET", "/calls", "calls")
        async def calls(self) -> list[Any]:
            called: list[Any] = await api.u.twice()
            return called

    application = await live.serve(
        {"db/pool.py": POOL.format(1), "api/u/twice.py": TWICE}, reload=False
    )
    await application.reload(controllers=[Calls])
    calling = asyncio.create_task(KernelClient(application).http("calls"))
    await until(lambda: READ == ["began"])

    await reload(live, {"db/pool.py": POOL.format(2)})
    EVENTS["go on"].set()

    assert (await calling).content == [1, 1, True]
    await until(lambda: READ == ["began", "closed 1"])


async def test_reload_in_an_endpoint_does_not_pass_its_message_to_hooks(live: LiveFolder) -> None:
    hooks = """
        import asyncio
        import tests.bundles.autoload.test_message_versions as test
        from rxkernel import current_request

        NUMBER = {0}

        async def start():
            test.READ.append(current_request.get())

        async def stop():
            test.READ.append(current_request.get())
        """
    call = """
        import tests.bundles.autoload.test_message_versions as test

        access = "public"

        async def method():
            return await test.SHARED[0]()
        """
    application = await live.serve({"lib/a.py": "", "api/u/call.py": call}, reload=False)
    SHARED[:] = [live.live_reload.reload]
    live.write({"lib/a.py": hooks.format(1)})
    assert (await KernelClient(application).http("u/call")).content is True
    live.write({"lib/a.py": hooks.format(2)})
    assert (await KernelClient(application).http("u/call")).content is True

    await until(lambda: READ == [None, None, None])


async def test_reload_whose_caller_is_cancelled_is_undone(live: LiveFolder) -> None:
    hooks = """
        import tests.bundles.autoload.test_message_versions as test

        async def start(): test.READ.append("start")
        async def stop(): test.READ.append("stop")
        """
    wait = """
        import tests.bundles.autoload.test_message_versions as test

        async def start():
            test.READ.append("waits")
            await test.EVENTS["go on"].wait()
        """
    await live.serve({"lib/a.py": "A = 1"}, reload=False)
    live.write({"lib/a.py": hooks, "lib/b.py": wait})
    reloading = asyncio.create_task(live.live_reload.reload())
    await until(lambda: "waits" in READ)

    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading

    assert READ == ["start", "waits", "stop"]
    assert lib.a.A == 1


STREAM = """
    import tests.bundles.autoload.test_message_versions as test
    from bundles.autoload import db
    from rxkernel import StreamResponse

    access = "public"

    async def method():
        async def pieces():
            for _ in range(3):
                yield f"{db.pool.NUMBER} {db.pool.is_open}, ".encode()
                await test.EVENTS["go on"].wait()
                test.EVENTS["go on"].clear()
        return StreamResponse(pieces())
    """


async def test_long_stream_reads_the_current_version_after_the_limit(
    live: LiveFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """The stop hooks have run by then, so the old version would use a closed pool."""
    application = await live.serve(
        {"db/pool.py": POOL.format(1), "api/u/stream.py": STREAM},
        reload=False,
        shutdown_timeout=0.2,
    )
    url = f"{application.servers['http'].url}/api/u/stream"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
        pieces = response.content.iter_any()
        received = [(await anext(pieces)).decode()]
        for number in (2, 3):
            await reload(live, {"db/pool.py": POOL.format(number)})
            closed = f"closed {number - 1}"
            await until(partial(READ.__contains__, closed))
            EVENTS["go on"].set()
            received.append((await anext(pieces)).decode())
        EVENTS["go on"].set()
        assert [piece async for piece in pieces] == []

    assert received == ["1 True, ", "2 True, ", "3 True, "]
    assert caplog.text.count("1 messages still use replaced files after 0.2 s") == 2


class Listeners:
    """Each reads the version of the files."""

    @observe(KernelEvents.KERNEL_REQUEST)
    async def request(self, event: RequestEvent) -> None:
        READ.append(("request", lib.v.V))

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def exception(self, event: ExceptionEvent) -> None:
        READ.append(("exception", lib.v.V))

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        READ.append(("response", lib.v.V))

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        READ.append(("terminate", lib.v.V))


LATE = """
    import tests.bundles.autoload.test_message_versions as test
    from bundles.autoload import lib
    from rxkernel import Request

    access = "public"

    async def method(request: Request, fails: bool):
        async def before(response): test.READ.append(("before sending", lib.v.V))
        async def after(): test.READ.append(("after sending", lib.v.V))
        request.before_sending(before)
        request.after_sending(after)
        test.READ.append(("action", lib.v.V))
        await test.EVENTS["go on"].wait()
        if fails:
            raise ValueError("no")
    """

VERSION = """
    import tests.bundles.autoload.test_message_versions as test
    V = {0}
    async def stop(): test.READ.append("stop {0}")
    """


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("fails", [False, True])
async def test_message_reads_one_version_to_its_end(
    live: LiveFolder, fails: bool, transport: str
) -> None:
    """Its listeners and its work after sending read this version too. Then the stop hooks run."""
    application = await live.boot(
        {"lib/v.py": VERSION.format(1), "api/u/late.py": LATE}, listeners=[Listeners]
    )
    client = KernelClient(application)
    call = client.http if transport == "http" else client.websocket
    calling = asyncio.create_task(call("u/late", body={"fails": fails}))
    await until(lambda: ("action", 1) in READ)

    await reload(live, {"lib/v.py": VERSION.format(2)})
    EVENTS["go on"].set()
    await calling

    await until(lambda: READ[-1] == "stop 1")
    middle = ["exception", "response"] if fails else ["response", "before sending"]
    phases = ["request", "action", *middle, "terminate", "after sending"]
    expected = [*((phase, 1) for phase in phases), "stop 1"]
    assert expected == READ


async def test_response_listener_of_a_failed_message_reads_its_application(
    live: LiveFolder, tmp_path: Path
) -> None:
    """Outside of messages, views read the application that was booted last."""
    EVENTS["go on"].set()
    application = await live.boot(
        {"lib/v.py": VERSION.format(1), "api/u/late.py": LATE}, listeners=[Listeners]
    )
    (tmp_path / "two/lib").mkdir(parents=True)
    (tmp_path / "two/lib/v.py").write_text("V = 2")
    async with Application(bundles=[ContractsBundle, AutoloadBundle(tmp_path / "two")]):
        assert lib.v.V == 2
        await KernelClient(application).http("u/late", body={"fails": True})

    assert {value for value in READ if isinstance(value, tuple) and value[1] != 1} == set()
    assert ("response", 1) in READ


async def test_task_that_outlives_its_message_cannot_call_endpoints(live: LiveFolder) -> None:
    task = """
        import asyncio
        import tests.bundles.autoload.test_message_versions as test
        from bundles.autoload import api

        access = "public"

        async def method():
            async def later():
                await test.EVENTS["go on"].wait()
                await api.u.method()
            test.SHARED[:] = [asyncio.create_task(later())]
        """
    application = await live.boot({"api/u/method.py": task})
    await KernelClient(application).http("u/method")
    EVENTS["go on"].set()

    with pytest.raises(Exception, match="the message or connection has ended"):
        await SHARED[0]


@pytest.mark.parametrize("fast_path", [True, False])
async def test_messages_over_the_wire_end_their_use_of_the_snapshot(
    live: LiveFolder, fast_path: bool
) -> None:
    """Also if they fail. Otherwise stop hooks would wait after each reload."""
    wait = """
        import tests.bundles.autoload.test_message_versions as test
        from rxkernel import Request

        access = "public"

        async def method(request: Request, kind: str):
            if kind == "fails":
                raise ValueError("no")
            if kind == "waits":
                test.READ.append("began")
                request.when_disconnected(test.EVENTS["go on"].set)
                await test.EVENTS["go on"].wait()
            if kind == "cannot be encoded":
                return object()
        """
    application = await live.serve(
        {"api/u/wait.py": wait}, reload=False, http=HttpSettings(port=0, fast_path=fast_path)
    )
    url = f"{application.servers['http'].url}/api/u/wait"
    kinds = {"ends": 200, "fails": 500, "cannot be encoded": 500, "missing": 422}
    async with aiohttp.ClientSession() as session, client(application) as socket:
        for kind, status in kinds.items():
            arguments = {} if kind == "missing" else {"kind": kind}
            async with session.post(url, json=arguments) as response:
                assert response.status == status, kind
            assert (await socket.call("u/wait", {"body": arguments}))["statusCode"] == status
        waiting = asyncio.create_task(session.post(url, json={"kind": "waits"}))
        await until(lambda: READ == ["began"])
        assert live.snapshot.readers.count == 1
        waiting.cancel()
        await until(lambda: live.snapshot.readers.count == 0)
