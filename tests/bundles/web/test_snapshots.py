"""The snapshot that a request reads, and how long it is kept."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from bundles.autoload.loading.snapshot_readers import Reader
from bundles.web.client import new_client
from rxkernel import Request, StreamResponse
from tests.bundles.web.conftest import Site
from tests.waiting import until

READING = """
    from bundles.autoload import application, lib

    async def {stage}(client):
        return [lib.number.number, application.injector is client.application.injector]
    """

FILES = {
    "lib/number.py": "number = 1",
    "app/a.json/get.py": READING.format(stage="get"),
}


async def test_request_to_a_removed_directory_reads_its_last_snapshot(site: Site) -> None:
    await site.start(FILES)
    found = site.application.kernel.http_definitions["GET /a.json"]

    await site.change({"lib/number.py": "number = 2", "app/get.py": READING.format(stage="get")})
    await site.change({}, remove=("app/a.json/get.py",))
    await site.change({"lib/number.py": "number = 3"})

    response = await found.handler(Request("HTTP"))
    assert response.content == b"[1,true]"


async def test_request_releases_its_snapshot(site: Site) -> None:
    client = await site.start({**FILES, "app/b.json/get.py": "async def get(client): 1 / 0"})

    await client.http("GET /a.json")
    await client.http("GET /b.json")

    assert site.snapshot.readers.count == 0


async def test_stream_reads_its_snapshot_until_it_ends(site: Site) -> None:
    files = {
        **FILES,
        "app/s.json/get.py": """
            from bundles.autoload import lib
            from rxkernel import StreamResponse

            async def get(client):
                async def pieces():
                    yield str(lib.number.number)
                return StreamResponse(pieces())
            """,
    }
    client = await site.start(files)

    response = await client.http("GET /s.json")
    assert isinstance(response, StreamResponse)
    assert site.snapshot.readers.count == 1
    assert [piece async for piece in response.content] == ["1"]
    await until(lambda: site.snapshot.readers.count == 0)


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
async def test_client_is_freed_without_the_garbage_collector(site: Site) -> None:
    """A cycle of client and request for each message would cost more than the message."""
    client = await site.start({"app/a.json/get.py": "async def get(client): return 1"})
    seen: list[weakref.ref[Reader]] = []
    begun = site.snapshot.readers.begin

    def begin(use: Reader) -> None:
        seen.append(weakref.ref(use))
        begun(use)

    site.snapshot.readers.begin = begin
    await client.http("GET /a.json")

    assert [each() for each in seen] == [None]


@pytest.mark.usefixtures("no_collection")
async def test_client_of_a_failed_request_is_freed_with_its_message(site: Site) -> None:
    """The stage ``error`` uses the client."""
    files = {
        "app/a.json/get.py": "async def get(client): client.error(404)",
        "app/error.py": "async def error(client): return client.source is not None",
    }
    client = await site.start(files)
    seen: list[weakref.ref[Reader]] = []
    begun = site.snapshot.readers.begin

    def begin(use: Reader) -> None:
        seen.append(weakref.ref(use))
        begun(use)

    site.snapshot.readers.begin = begin
    response = await client.http("GET /a.json")

    assert (response.status_code, response.content) == (404, b"true")
    del response
    assert site.snapshot.readers.count == 0
    assert len(seen) == 1


async def test_request_that_outlives_its_snapshot_reads_the_current_one(site: Site) -> None:
    """A request outlives it when ``shutdown_timeout`` has expired after a reload."""
    text = """
        import asyncio

        from bundles.autoload import lib

        _events = [asyncio.Event(), asyncio.Event()]

        async def get(client):
            _events[0].set()
            await _events[1].wait()
            return lib.number.number
        """
    client = await site.start({**FILES, "app/slow.json/get.py": text})
    old = site.snapshot
    module = old.files["app/slow.json/get.py"].module
    assert module is not None
    request = asyncio.create_task(client.http("GET /slow.json"))
    await module._events[0].wait()
    changing = asyncio.create_task(site.change({"lib/number.py": "number = 2"}))
    await until(lambda: site.snapshot is not old)

    old.readers.move_on()
    await changing
    module._events[1].set()

    assert (await request).content == b"2"
    assert (old.readers.count, site.snapshot.readers.count) == (0, 0)


async def test_use_of_an_ended_message_ends_at_once(site: Site) -> None:
    await site.start(FILES)
    request = Request("HTTP")
    site.application.kernel.terminate(request, None)
    chain = site.application.kernel.http_definitions["GET /a.json"].metadata.target
    client = new_client(request, chain)
    client.begin_use(site.snapshot)

    client.end_use_with_message()

    assert site.snapshot.readers.count == 0


async def test_handler_calls_an_endpoint_and_a_thread_in_its_snapshot(site: Site) -> None:
    files = {
        "lib/number.py": "number = 1",
        "api/numbers/get.py": """
            from bundles.autoload import lib

            access = "public"

            async def get(more: int) -> int:
                return lib.number.number + more
            """,
        "app/a.json/get.py": """
            import asyncio

            from bundles.autoload import api, lib

            def _read():
                return lib.number.number

            async def get(client):
                return [await api.numbers.get(more=1), await asyncio.to_thread(_read)]
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b"[2,1]"
