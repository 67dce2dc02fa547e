"""Files of ``api`` are called over HTTP and Socket.IO."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bundles.autoload import api
from bundles.contracts import run_examples
from rxkernel import KernelClient, Response, UploadedFile
from tests.bundles.autoload.conftest import Folder

TRANSPORTS = ("http", "websocket")


async def call(folder: Folder, transport: str, endpoint: str, /, **arguments: Any) -> Response:
    """Call an endpoint with *arguments* as the body."""
    client = KernelClient(folder.application)
    send = client.http if transport == "http" else client.websocket
    return await send(endpoint, body=arguments)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_endpoint_with_fields_checks_arguments_and_result(
    folder: Folder, transport: str
) -> None:
    """The example of Metarhia's documentation."""
    await folder.boot(
        {
            "api/example/get_city.py": """
                from bundles.contracts import DomainError

                access = "public"
                parameters = {"city_id": "number"}
                returns = {"name": "string", "area": "number", "region": "string"}

                async def method(city_id):
                    if city_id == 3:
                        return {"name": "Rome"}
                    if city_id != 1:
                        return DomainError(404, "Not found")
                    return {"name": "Rome", "area": 1285, "region": "Lazio"}
                """
        }
    )

    found = await call(folder, transport, "example/get_city", city_id=1)
    missing = await call(folder, transport, "example/get_city", city_id=2)
    wrong = await call(folder, transport, "example/get_city", city_id="1", more=1)
    broken = await call(folder, transport, "example/get_city", city_id=3)

    assert found.content == {"name": "Rome", "area": 1285, "region": "Lazio"}
    assert (missing.status_code, missing.content["message"]) == (404, "Not found")
    assert wrong.status_code == 422
    assert [each["path"] for each in wrong.content["errors"]] == ["body.city_id", "body.more"]
    assert (broken.status_code, broken.content["message"]) == (500, "Internal Server Error")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_endpoint_with_a_typed_signature_converts_arguments(
    folder: Folder, transport: str
) -> None:
    await folder.boot(
        {
            "api/example/find.py": """
                from datetime import date

                import attrs

                access = "public"

                @attrs.frozen
                class Box:
                    left: float
                    right: float

                @attrs.frozen
                class Place:
                    name: str
                    since: date

                async def find(box: Box, since: date, limit: int = 10) -> list[Place]:
                    assert isinstance(box, Box)
                    return [Place(f"{box.left} {box.right}", since)] * min(limit, 2)
                """
        }
    )

    box = {"left": 1.5, "right": 2}
    found = await call(folder, transport, "example/find", box=box, since="2026-01-31", limit=1)
    wrong = await call(folder, transport, "example/find", box={"left": "a", "right": 2})

    [place] = found.content
    assert (place.name, str(place.since)) == ("1.5 2.0", "2026-01-31")
    assert [each["path"] for each in wrong.content["errors"]] == ["body.box.left", "body.since"]


async def test_endpoint_without_types_takes_any_values_by_name(folder: Folder) -> None:
    await folder.boot(
        {
            "api/example/add.py": """
                access = "public"

                async def method(type, array=5):
                    return [type, array]
                """,
            "api/example/all.py": """
                access = "public"

                async def method(**arguments):
                    return arguments
                """,
        }
    )

    assert (await call(folder, "http", "example/add", type=None)).content == [None, 5]
    assert (await call(folder, "http", "example/add")).status_code == 422
    everything = {"self": 1, "__proto__": 2, "request": 3}
    assert (await call(folder, "http", "example/all", **everything)).content == everything


async def test_optional_field_of_the_schema_is_none_for_a_parameter_without_default(
    folder: Folder,
) -> None:
    await folder.boot(
        {
            "api/example/greet.py": """
                access = "public"
                parameters = {"name": "string", "title?": "string"}

                async def method(name, title):
                    return f"{title} {name}"
                """
        }
    )

    assert (await call(folder, "http", "example/greet", name="Ada")).content == "None Ada"


# T10
async def test_highest_version_is_the_default(folder: Folder) -> None:
    """A method that exists in a lower version only is not found without a version."""
    await folder.boot(
        {
            "api/chat/send.py": "access = 'public'\nasync def method(): return 1",
            "api/chat/old.py": "access = 'public'\nasync def method(): return 'old'",
            "api/chat.2/send.py": "access = 'public'\nasync def method(): return 2",
        }
    )
    kernel = folder.application.kernel

    assert [d.name for d in kernel.websocket_definitions] == [
        "chat.1/old",
        "chat.1/send",
        "chat.2/send",
        "chat/send",
    ]
    assert (await call(folder, "http", "chat/send")).content == 2
    assert (await call(folder, "http", "chat.1/send")).content == 1
    assert await api.chat.send() == 2


async def test_single_file_unit_publishes_its_own_public_async_functions(folder: Folder) -> None:
    await folder.boot(
        {
            "api/math.py": """
                from asyncio import sleep

                from bundles.contracts import contract

                access = "public"
                timeout = 2
                LIMIT = 10

                async def add(a: int, b: int) -> int:
                    await sleep(0)
                    return _plus(a, b)

                @contract(parameters={"a": "number"})
                async def negate(a):
                    return -a

                def plain(): ...

                def _plus(a, b): return a + b
                """,
        }
    )
    kernel = folder.application.kernel

    assert [d.name for d in kernel.websocket_definitions] == [
        "math.1/add",
        "math/add",
        "math.1/negate",
        "math/negate",
    ]
    assert (await call(folder, "websocket", "math/add", a=1, b=2)).content == 3
    assert (await call(folder, "websocket", "math/negate", a="1")).status_code == 422
    assert await api.math.negate(a=1) == -1


async def test_safe_endpoint_is_served_by_get_with_converted_texts(folder: Folder) -> None:
    await folder.boot(
        {
            "api/example/read.py": """
                access = "public"
                safe = True

                async def method(ids: list[int], day: bool = False) -> list[int | bool]:
                    return [*ids, day]
                """,
            "api/example/write.py": """
                access = "public"
                safe = True
                parameters = {"a": "number", "b?": "string"}

                async def method(a, b):
                    return [a, b]
                """,
        }
    )
    client = KernelClient(folder.application)

    params = {"ids": ["1", "2"], "day": "true"}
    assert (await client.http("GET example/read", params=params)).content == [1, 2, True]
    assert (await client.http("GET example/read", params={"ids": "x"})).status_code == 422
    found = await client.http("GET example/write", params={"a": "1.5", "b": "2"})
    assert found.content == [1.5, "2"]


async def test_transports_of_an_endpoint_are_those_that_serve_it(folder: Folder) -> None:
    await folder.boot(
        {
            "api/example/socket_only.py": """
                from rxkernel import Connection

                access = "public"
                transports = ("SOCKET",)

                async def method(connection: Connection):
                    return connection.id
                """,
        }
    )
    kernel = folder.application.kernel

    assert "example/socket_only" not in kernel.http_definitions
    client = KernelClient(folder.application)
    async with client.connection() as connection:
        response = await client.websocket("example/socket_only", connection=connection)
        assert response.content == connection.id


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_contract_of_an_endpoint_is_enforced(folder: Folder, transport: str) -> None:
    await folder.boot(
        {
            "api/example/order.py": """
                import asyncio

                from bundles.contracts import DomainError

                access = "public"
                caption = "Order"
                parameters = {"item": "string"}
                timeout = 0.05
                queue = {"concurrency": 1, "size": 1, "timeout": 5}
                errors = {"out_of_stock": "There is none left"}
                examples = [{"params": {"item": "gold"}, "error": "out_of_stock"}]

                def validate(arguments):
                    return arguments["item"] != "air"

                async def method(item):
                    if item == "slow":
                        await asyncio.sleep(60)
                    return DomainError("out_of_stock") if item == "gold" else item
                """
        }
    )
    results = {
        item: await call(folder, transport, "example/order", item=item)
        for item in ("tea", "gold", "air", "slow")
    }

    assert {item: found.status_code for item, found in results.items()} == {
        "tea": 200,
        "gold": 400,
        "air": 422,
        "slow": 408,
    }
    assert results["gold"].content["message"] == "There is none left"


async def test_references_name_the_schemas_of_the_folder(folder: Folder) -> None:
    files = {
        "schemas/City.py": "schema = {'name': 'string'}",
        "schemas/Point.py": """
            import attrs

            @attrs.frozen
            class Point:
                x: int
            """,
        "api/city/add.py": """
            access = "public"
            parameters = {"city": "City", "at": {"type": "Point", "required": False}}
            returns = "City"

            async def method(city, at):
                return {**city, "name": f"{city['name']} {at}"}
            """,
    }
    await folder.boot(files)

    added = await call(folder, "http", "city/add", city={"name": "Rome"}, at={"x": 1})
    wrong = await call(folder, "http", "city/add", city={})

    assert added.content == {"name": "Rome Point(x=1)"}
    assert wrong.content["errors"][0]["path"] == "body.city.name"


async def test_context_has_the_message_and_the_connection(folder: Folder) -> None:
    await folder.boot(
        {
            "api/example/who.py": """
                from bundles.autoload import Context

                access = "public"

                async def method(context: Context):
                    context.state["seen"] = True
                    client = context.request.connection
                    return [context.id, client and client.id, context.session, context.state]
                """
        }
    )
    client = KernelClient(folder.application)

    response = await client.http("example/who", headers={"X-Request-ID": "one"})
    assert response.content == ["one", None, None, {"seen": True}]
    async with client.connection() as connection:
        response = await client.websocket("example/who", connection=connection)
        assert response.content[1:] == [connection.id, None, {"seen": True}]


# T35
async def test_client_of_context_is_426_without_a_connection(folder: Folder) -> None:
    """The endpoint sends an event, which needs a connection."""
    await folder.boot(
        {
            "api/example/notify.py": """
                from bundles.autoload import Context

                access = "public"

                async def method(context: Context):
                    await context.client.emit("example/message", {})
                    return context.client.id
                """
        }
    )
    client = KernelClient(folder.application)

    response = await client.http("example/notify")
    assert (response.status_code, response.headers["Upgrade"]) == (426, "websocket")
    async with client.connection() as connection:
        response = await client.websocket("example/notify", connection=connection)
        assert response.content == connection.id


# T48
async def test_message_reads_the_snapshot_of_its_begin(folder: Folder) -> None:
    """A call in flight ends with the old code."""
    await folder.boot(
        {
            "lib/value.py": "def value(): return 'old'",
            "domain/gate.py": "import asyncio\nENTERED = asyncio.Event()\nLEAVE = asyncio.Event()",
            "api/example/slow.py": """
                from bundles.autoload import domain, lib

                access = "public"

                async def method():
                    domain.gate.ENTERED.set()
                    await domain.gate.LEAVE.wait()
                    return lib.value()
                """,
        }
    )
    gate = folder.snapshot.read(("domain", "gate"))
    running = asyncio.ensure_future(call(folder, "http", "example/slow"))
    await gate.ENTERED.wait()
    await folder.change({"lib/value.py": "def value(): return 'new'"})
    gate.LEAVE.set()

    assert (await running).content == "old"
    assert (await call(folder, "http", "example/slow")).content == "new"


async def test_upload_is_passed_beside_the_fields_of_its_form(folder: Folder) -> None:
    await folder.boot(
        {
            "api/files/add.py": """
                from rxkernel import UploadedFile

                access = "public"
                transports = "HTTP"

                async def method(file: UploadedFile, number: int) -> list[int]:
                    return [len(await file.read()), number]
                """
        }
    )
    client = KernelClient(folder.application)

    files = {"file": UploadedFile("a.txt", b"abc", "text/plain")}
    response = await client.http("files/add", form={"number": "7"}, files=files)

    assert response.content == [3, 7]
    assert (await client.http("files/add", form={"number": "7"})).status_code == 422


async def test_examples_of_an_endpoint_are_run_over_each_route(folder: Folder) -> None:
    await folder.boot(
        {
            "api/example/double.py": """
                access = "public"
                parameters = {"a": "number"}
                returns = "number"
                safe = True
                examples = [{"params": {"a": 2}, "returns": 4}]

                async def method(a):
                    return a * 2
                """
        }
    )

    async with KernelClient(folder.application) as client:
        results = [result async for result in run_examples(client)]

    assert [result.problem for result in results] == [None] * 6


async def test_unit_with_a_name_beyond_ascii_is_found(folder: Folder) -> None:
    application = await folder.boot(
        {"api/größe/élan.py": "access = 'public'\nasync def method(): return {'a': 1}"}
    )
    await application.start()

    base = f"http://127.0.0.1:{application.servers['http'].port}"
    async with (
        aiohttp.ClientSession(base) as session,
        session.post("/api/größe/élan") as response,
    ):
        assert await response.json() == {"a": 1}
