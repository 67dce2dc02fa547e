"""The tree is loaded again with all other files: one swap, one list of problems."""

import asyncio

import pytest

from bundles.web import Client, WebBundle
from rxkernel import ConfigurationError, decode_json
from tests.bundles.web.conftest import Site
from tests.waiting import until

FILES = {
    "lib/number.py": "number = 1",
    "app/get.py": "async def get(client): return 'root 1'",
    "app/a.json/get.py": """
        from bundles.autoload import lib

        NUMBER = lib.number.number

        async def get(client):
            return NUMBER
        """,
    "app/b.json/get.py": "async def get(client): return 'b'",
}


async def content(site: Site, name: str) -> object:
    return (await site.client.http(name)).content


async def test_reload_loads_changed_new_and_deleted_handlers(site: Site) -> None:
    await site.start(FILES)
    kept = site.application.kernel.http_definitions["GET /b.json"]

    await site.change(
        {
            "app/get.py": "async def get(client): return 'root 2'",
            "app/c/get.py": "async def get(client): return 'c'",
        },
        remove=("app/a.json/get.py",),
    )

    assert await content(site, "GET /") == "root 2"
    assert await content(site, "GET /c") == "c"
    names = {d.name for d in site.application.kernel.http_definitions}
    assert {"GET /", "GET /c", "GET /b.json", "web_files"} <= names
    assert "GET /a.json" not in names
    assert site.tree.nearest("/c/x").path == "/c"
    assert site.application.kernel.http_definitions["GET /b.json"] is not kept


async def test_handler_of_another_branch_keeps_its_definition(site: Site) -> None:
    files = {key: text for key, text in FILES.items() if key != "app/get.py"}
    await site.start(files)
    kept = site.application.kernel.http_definitions["GET /b.json"]

    await site.change({"lib/number.py": "number = 2"})

    assert await content(site, "GET /a.json") == b"2"
    assert site.application.kernel.http_definitions["GET /b.json"] is kept


async def test_error_in_a_handler_leaves_the_old_version(site: Site) -> None:
    await site.start(FILES)

    with pytest.raises(ConfigurationError, match=r"app/get.py:1: SyntaxError"):
        await site.change({"app/get.py": "async def get(client) return 2"})
    assert await content(site, "GET /") == "root 1"
    with pytest.raises(ConfigurationError, match=r"timeout is 'x'"):
        await site.change(
            {
                "app/get.py": "async def get(client): return 'root 2'",
                "app/b.json/get.py": "timeout = 'x'\nasync def get(client): return 1",
            }
        )
    assert await content(site, "GET /") == "root 1"

    await site.change({"app/b.json/get.py": "async def get(client): return 'b2'"})
    assert await content(site, "GET /") == "root 2"
    assert await content(site, "GET /b.json") == b'"b2"'


async def test_changed_access_file_applies_to_all_directories_below(site: Site) -> None:
    await site.start({**FILES, "app/b.json/c/post.py": "async def post(client): return 1"})

    await site.change({"app/b.json/access.py": "virtual = True"})

    assert site.tree.directories["/b.json/c"].access.virtual is True
    assert site.tree.directories["/a.json"].access.virtual is False
    names = {d.name for d in site.application.kernel.http_definitions}
    assert "GET /b.json/{web_path:path}" in names


async def test_changed_template_is_a_new_snapshot(site: Site) -> None:
    await site.start({**FILES, "app/html.template": "one"})

    await site.change({"app/html.template": "two"})

    template = site.tree.root.template("html")
    assert template is not None
    assert template.text == "two"


async def test_new_directory_of_a_removed_root_handler_serves_the_index(site: Site) -> None:
    await site.start({**FILES, "app/index.html": "index"})

    await site.change({}, remove=("app/get.py",))

    assert (await site.client.http("web_files_index")).status_code == 200


async def test_request_in_flight_ends_with_its_version(site: Site) -> None:
    text = """
        import asyncio

        from bundles.autoload import lib

        _opened = asyncio.Event()
        _waits = []

        async def get(client):
            _waits.append(1)
            await _opened.wait()
            return lib.number.number
        """
    await site.start({**FILES, "app/slow.json/get.py": text})
    module = site.snapshot.files["app/slow.json/get.py"].module
    assert module is not None

    request = asyncio.create_task(site.client.http("GET /slow.json"))
    await until(lambda: bool(module._waits))
    changing = asyncio.create_task(site.change({"lib/number.py": "number = 2"}))
    await until(lambda: site.snapshot.number == 2)
    module._opened.set()
    assert (await request).content == b"1"
    await changing
    assert await content(site, "GET /a.json") == b"2"


async def test_live_reload_notices_files_of_the_tree(site: Site) -> None:
    async with site.served(FILES, reload=True) as session:
        site.write({"app/get.py": "async def get(client): return 'root 2'"})

        async def text() -> str:
            async with session.get("/") as response:
                return await response.text()

        await until(lambda: site.snapshot.number == 2)
        assert await text() == "root 2"


async def test_program_handler_on_bundle_and_file_of_one_path_are_an_error(site: Site) -> None:
    web = WebBundle()

    async def hello(client: Client) -> str:
        return "hello"

    web.get("/", hello)
    found = await site.problems(FILES, bundles=[web])

    assert "test_live_reload.py:" in found
    assert "app/get.py:1 handles get of '/' too; remove one of them" in found


async def test_requests_during_reloads_read_one_version_in_all_stages(site: Site) -> None:
    reading = """
        import asyncio

        from bundles.autoload import lib

        async def {stage}(client):
            client.context.data["{stage}"] = lib.number.number
            await asyncio.sleep(0)
            return [lib.number.number, *client.context.data.values()]
        """
    files = {
        "lib/number.py": "number = 0",
        "app/request.py": reading.format(stage="request"),
        "app/a.json/get.py": reading.format(stage="get"),
        "app/a.json/end.py": reading.format(stage="end"),
    }
    await site.start(files)
    seen: set[bytes] = set()
    is_over = False

    async def ask() -> None:
        while not is_over:
            response = await site.client.http("GET /a.json")
            assert response.status_code == 200
            seen.add(response.content)

    asking = [asyncio.create_task(ask()) for _ in range(5)]
    for number in range(1, 6):
        await site.change({"lib/number.py": f"number = {number}"})
        expected = f"[{number},{number},{number},{number}]".encode()
        await until(lambda expected=expected: expected in seen)  # type: ignore[misc]
    is_over = True
    await asyncio.gather(*asking)

    assert all(len(set(decode_json(one))) == 1 for one in seen)
