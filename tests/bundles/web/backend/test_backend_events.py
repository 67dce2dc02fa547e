"""``application.backend`` of one process."""

import re
from typing import Any

import pytest

from bundles.web import BackendEvents
from rxkernel import KernelEvents, RequestEvent
from tests.bundles.web.conftest import Site

LIB = """
    from bundles.autoload import application, lib
    from bundles.web import Channels

    seen = []

    async def changed(data, channels: Channels):
        assert type(channels) is Channels
        seen.append((VERSION, data))
        data["price"] = 0

    application.backend.on("price", changed)
    """

FILES = {
    "app/get.py": "async def get(client): return 'root'",
    "app/price.json/post.py": """
        from bundles.autoload import application

        async def post(client):
            data = {"price": client.fields["price"]}
            return [await application.backend.emit("price", data), data]
        """,
    "app/seen.json/get.py": """
        from bundles.autoload import lib

        async def get(client):
            return lib.prices.seen
        """,
    "lib/prices.py": LIB.replace("VERSION", "1"),
}


async def test_handler_gets_a_copy_of_the_data_and_services(site: Site) -> None:
    client = await site.start({**FILES, "lib/other.py": LIB.replace("VERSION", "2")})

    response = await client.http("POST /price.json", body={"price": 5})

    assert response.content == b'[true,{"price":5}]'
    assert (await client.http("GET /seen.json")).content == b'[[1,{"price":0}]]'


async def test_handler_is_replaced_and_removed_with_its_file(site: Site) -> None:
    await site.start(FILES)
    events = site.application.injector.get(BackendEvents)

    await site.change({"lib/prices.py": LIB.replace("VERSION", "2")})
    assert await events.emit("price", {})
    assert (await site.client.http("GET /seen.json")).content == b'[[2,{"price":0}]]'

    await site.change({"lib/prices.py": "seen = []"})
    assert await events.emit("price", {})
    assert (await site.client.http("GET /seen.json")).content == b"[]"


async def test_handler_is_a_message_whose_error_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The other handlers run, and the sender continues."""
    failing = """
        from bundles.autoload import application
        from rxkernel import NotFoundException

        async def fails(data):
            1 / 0

        async def refuses(data):
            raise NotFoundException("no price")

        async def start():
            application.backend.on("price", fails)
            application.backend.on("price", refuses)
        """
    seen: list[str] = []

    async def note(event: RequestEvent) -> None:
        seen.append(event.request.transport)

    client = await site.start({**FILES, "lib/failing.py": failing})
    client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, note)

    assert await site.application.injector.get(BackendEvents).emit("price", {"a": 1})

    assert (await client.http("GET /seen.json")).content == b'[[1,{"a":1,"price":0}]]'
    assert seen[:3] == ["BACKEND"] * 3
    assert "ZeroDivisionError" in caplog.text
    assert "failed for the event 'price': 404" in caplog.text


async def test_emit_of_a_wrong_value_raises(site: Site) -> None:
    await site.start(FILES)
    events = site.application.injector.get(BackendEvents)
    wrong: Any = object()

    with pytest.raises(TypeError):
        await events.emit("price", wrong)
    with pytest.raises(TypeError, match="it must be a str"):
        await events.emit(wrong)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('on("", changed)', "the name of the event is ''; write a non-empty str"),
        ('on("price", print)', "the handler of the event 'price' is a def; write async def"),
        ('on("price", none)', r"write async def none\(data\)"),
        ('on("price", callback)', "handlers have no callback; return the result"),
    ],
    ids=["no-event", "def", "no-parameter", "callback"],
)
async def test_invalid_handler_is_an_error_of_boot(site: Site, call: str, problem: str) -> None:
    text = f"""
        from bundles.autoload import application

        async def changed(data): ...
        async def none(): ...
        async def callback(data, callback): ...

        application.backend.{call}
        """

    assert re.search(problem, await site.problems({**FILES, "lib/wrong.py": text}))


async def test_handler_cannot_be_added_by_a_message(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    text = """
        from bundles.autoload import application

        async def get(client):
            application.backend.on("price", get)
        """
    client = await site.start({"app/get.py": text})

    assert (await client.http("GET /")).status_code == 500
    assert "application.backend.on() can be called only while a file is executed" in caplog.text
