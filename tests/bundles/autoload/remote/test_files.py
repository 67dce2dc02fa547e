"""Remote services from the files of an application."""

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import web

from bundles.autoload import AutoloadBundle, RemoteStatusException, RemoteUnavailableException, bus
from bundles.clock import Clock
from bundles.contracts import ContractsBundle
from rxkernel import Application, ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder
from tests.bundles.autoload.remote.stub import Stub
from tests.bundles.tasks.manual_clock import ManualClock
from tests.waiting import until

CURRENT_TIME = """
    method = {"get": "timezone", "path": ["area", "location"]}
    """


def service(stub: Stub, more: str = "") -> str:
    return f"url = {stub.url!r}\nretries = 0\n{more}\n"


# T56
async def test_remote_method_called_with_arguments_sends_its_request(
    folder: Folder, stub: Stub
) -> None:
    await folder.boot(
        {
            "bus/world_time/_service.py": service(stub),
            "bus/world_time/current_time.py": CURRENT_TIME,
        }
    )
    assert await bus.world_time.current_time({"area": "Europe", "location": "Rome"}) == {
        "ok": True
    }
    assert await bus.world_time.current_time(area="Europe", location="Rome") == {"ok": True}
    assert stub.lines == ["GET /timezone/Europe/Rome"] * 2


# T57
async def test_service_reads_its_key_from_the_configuration(folder: Folder, stub: Stub) -> None:
    await folder.boot(
        {
            "config/math.toml": "key = 't0ken'",
            "bus/math/_service.py": f"""
                from bundles.autoload import config

                url = {stub.url!r}
                headers = {{"Authorization": f"Bearer {{config.math.key}}"}}
                """,
            "bus/math/eval.py": """
                method = {"post": "v4", "body": ["expr"]}
                query = {"suffix": "_s", "params": ["expr", "q"]}
                parameters = {"expr": "string", "q?": "string"}
                """,
        }
    )
    await bus.math.eval(expr="1+1", q="z")
    assert stub.lines == ["POST /v4?expr_s=1%2B1&q_s=z"]
    assert stub.last.headers["authorization"] == "Bearer t0ken"


async def test_services_read_the_time_from_the_clock_that_a_test_has_replaced(
    folder: Folder, stub: Stub
) -> None:
    stub.reply(503, {"ok": 1})
    values = f"url = {stub.url!r}\nretries = 1\nretry_delay = 1000\nmax_retry_delay = 1000\n"
    folder.write(
        {
            "bus/x/_service.py": f"{values}timeout = 2000",
            "bus/x/y.py": "method = {'get': ''}",
            "api/read.1/y.py": """
                from bundles.autoload import bus

                access = "public"

                async def method() -> dict:
                    return await bus.x.y()
                """,
        }
    )
    clock = ManualClock()
    application = Application(bundles=[AutoloadBundle(folder.root), ContractsBundle])
    async with KernelClient(application, overrides={Clock: clock}) as client:
        call = asyncio.create_task(client.http("read/y"))
        await until(lambda: clock.timers or call.done())
        await clock.advance(1000)
        assert (await call).content == {"ok": 1}


# T58
async def test_remote_error_is_raised(folder: Folder, stub: Stub) -> None:
    stub.reply(500)
    await folder.boot({"bus/x/_service.py": service(stub), "bus/x/y.py": "method = {'get': ''}"})
    with pytest.raises(RemoteStatusException, match=r"bus\.x\.y: .* status 500"):
        await bus.x.y()


async def test_errors_of_files_name_path_and_key(folder: Folder, stub: Stub) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot(
            {
                "bus/a/_service.py": "timeout = 0",
                "bus/a/left_out.py": "method = {'get': ''}",
                "bus/b/_service.py": service(stub),
                "bus/b/two.py": "method = {'get': '', 'post': ''}\nretrys = 1",
                "bus/b/none.py": "methods = {'get': ''}",
                "bus/c/alone.py": "method = {'get': ''}",
            }
        )
    root = folder.root / "bus"
    expected = (
        f"{root}/a/_service.py: url is missing",
        f"{root}/a/_service.py:1: timeout is 0",
        f"{root}/b/none.py: describes no remote method",
        f"{root}/b/two.py:1: method must have one of",
        f"{root}/b/two.py:2: retrys is not a known key",
        f"{root}/c/alone.py: describes a remote method, but {root}/c/_service.py does not exist",
    )
    assert len(caught.value.problems) == len(expected)
    for start, problem in zip(
        expected, sorted(caught.value.problems, key=expected_order), strict=True
    ):
        assert problem.startswith(start)


def expected_order(problem: str) -> tuple[str, int]:
    path, _, text = problem.partition(".py:")
    return path, ("timeout" in text) + 2 * ("retrys" in text)


async def test_service_with_names_that_are_not_keys_boots(folder: Folder) -> None:
    await folder.boot(
        {
            "bus/x/_service.py": """
                import functools
                from bundles.autoload.loading.place_names import PLACES as places
                url = "http://localhost"
                _own = 1
                TOKEN = "x"
                class Kind: ...
                def helper(): ...
                @functools.cache
                def other(): return places
                """,
        }
    )


async def test_time_of_more_than_300_is_a_warning_with_the_unit_of_metarhia(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot(
        {
            "bus/x/_service.py": "url = 'http://localhost'\ntimeout = 3000\n"
            "queue = {'timeout': 5000}",
            "bus/x/get.py": "method = {'get': ''}\ntimeout = 4000",
        }
    )

    found = sorted(m for m in caplog.messages if "Metarhia" in m)
    assert [message.replace(f"{folder.root}/bus/x/", "") for message in found] == [
        "_service.py: queue.timeout is 5000 seconds; times of Metarhia are milliseconds: 5000 ms "
        "are 5",
        "_service.py: timeout is 3000 seconds; times of Metarhia are milliseconds: 3000 ms are 3",
        "get.py: timeout is 4000 seconds; times of Metarhia are milliseconds: 4000 ms are 4",
    ]


async def test_function_beside_remote_methods_calls_them(folder: Folder, stub: Stub) -> None:
    await folder.boot(
        {
            "bus/x/_service.py": service(stub),
            "bus/x/get.py": "method = {'get': ''}",
            "bus/x/twice.py": """
                from bundles.autoload import bus

                async def twice():
                    return [await bus.x.get(), await bus.x.get()]
                """,
            "bus/other/plain.py": "LIMIT = 7",
        }
    )
    assert await bus.x.twice() == [{"ok": True}] * 2
    assert bus.other.plain.LIMIT == 7


async def test_service_that_requires_other_files_is_called(folder: Folder, stub: Stub) -> None:
    await folder.boot(
        {
            "db/geo.py": "",
            "bus/x/_service.py": service(stub, "requires = ('db.geo',)"),
            "bus/x/y.py": "method = {'get': ''}\nrequires = ('db.geo',)",
        }
    )
    assert await bus.x.y() == {"ok": True}
    assert repr({bus.x.y}) == "{<bus.x.y, a GET of a remote service>}"


# T58
async def test_limit_after_a_reload_of_a_method_counts_earlier_calls(
    folder: Folder, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bundles.autoload.building")
    limits = "limits = [{'calls': 1, 'per': '1d'}]\nqueue = {'size': 0}"
    await folder.boot(
        {"bus/x/_service.py": service(stub, limits), "bus/x/y.py": "method = {'get': 'old'}"}
    )
    await bus.x.y()
    await folder.change({"bus/x/y.py": "method = {'get': 'new'}"})
    with pytest.raises(RemoteUnavailableException):
        await bus.x.y()
    assert stub.lines == ["GET /old"]
    assert "variables are lost" not in caplog.text


async def test_reload_of_a_service_ends_no_call_and_closes_its_connections(
    folder: Folder, stub: Stub
) -> None:
    released = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await released.wait()
        return web.json_response("done")

    await folder.boot({"bus/x/_service.py": service(stub), "bus/x/y.py": "method = {'get': ''}"})
    stub.respond = wait
    call = asyncio.ensure_future(bus.x.y())
    await until(lambda: stub.received)
    old = bus.x.y.service
    await folder.change({"bus/x/_service.py": service(stub, "timeout = 20")})
    assert bus.x.y.service is not old
    assert bus.x.y.timeout == 20
    released.set()
    assert await call == "done"
    await until(lambda: all(is_closing(connection) for connection in stub.connections))


def is_closing(connection: Any) -> bool:
    return connection is None or bool(connection.is_closing())


async def test_changed_schema_reloads_the_methods_that_name_it(folder: Folder, stub: Stub) -> None:
    await folder.boot(
        {
            "schemas/City.py": "schema = {'name': 'string'}",
            "bus/x/_service.py": service(stub),
            "bus/x/y.py": "method = {'post': '', 'body': ['name']}\nparameters = 'City'",
            "bus/x/z.py": "method = {'get': ''}",
        }
    )
    executed = await folder.change({"schemas/City.py": "schema = {'name': 'number'}"})
    assert "bus/x/y.py" in executed
    assert "bus/x/z.py" not in executed
    await bus.x.y(name=7)
    assert stub.last.body == b'{"name":7}'


async def test_stop_closes_the_connections(folder: Folder, stub: Stub) -> None:
    await folder.boot({"bus/x/_service.py": service(stub), "bus/x/y.py": "method = {'get': ''}"})
    await bus.x.y()
    await folder.stop()
    await until(lambda: all(is_closing(connection) for connection in stub.connections))
