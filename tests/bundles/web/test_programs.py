"""Handlers that programs register."""

import pytest

from bundles.web import Client, WebBundle
from rxkernel import ConfigurationError
from tests.bundles.web.conftest import Site

LIB = """
from bundles.autoload import application

async def hello(client):
    return {"version": %d}

async def start():
    application.get("/hello.json", hello)
"""

ROOT = {"app/get.py": "async def get(client): return 'root'"}


async def test_program_handler_of_start_hook_is_replaced_by_reload(site: Site) -> None:
    client = await site.start({**ROOT, "lib/greeting.py": LIB % 1})
    assert (await client.http("GET /hello.json")).content == b'{"version":1}'

    await site.change({"lib/greeting.py": LIB % 2})
    assert (await site.client.http("GET /hello.json")).content == b'{"version":2}'

    await site.change({**ROOT, "lib/other.py": "A = 1"})
    assert (await site.client.http("GET /hello.json")).content == b'{"version":2}'

    await site.change({}, remove=("lib/greeting.py",))
    with pytest.raises(KeyError):
        await site.client.http("GET /hello.json")


async def test_program_handler_on_bundle_is_served(site: Site) -> None:
    web = WebBundle()

    async def greet(client: Client) -> dict[str, object]:
        return {"name": client.parameters["name"]}

    web.post("/greet.json", greet)
    client = await site.start(ROOT, bundles=[web])

    response = await client.http("POST /greet.json", body={"name": "Ada"})
    assert response.content == b'{"name":"Ada"}'


async def test_program_handler_registered_after_the_load_is_an_error(site: Site) -> None:
    text = """
        from bundles.autoload import application

        async def get(client):
            application.get("/late.json", get)
        """
    client = await site.start({"app/get.py": text})

    assert (await client.http("GET /")).status_code == 500


def test_program_handler_with_mistakes_names_them_with_its_place() -> None:
    with pytest.raises(ConfigurationError, match=r"test_programs\.py:\d+: the path is 'a'"):
        WebBundle().get("a", lambda client: None)


def test_program_handler_with_another_parameter_is_an_error_with_its_place() -> None:
    async def handler(client: Client, number: int) -> int:
        return number

    with pytest.raises(ConfigurationError, match=r"test_programs\.py:\d+: handler takes 'number'"):
        WebBundle().get("/a", handler)


async def test_program_handler_with_unknown_extension_is_an_error_with_its_place(
    site: Site,
) -> None:
    web = WebBundle()

    async def handler(client: Client) -> str:
        return "ran"

    web.get("/a.jsno", handler)

    found = await site.problems(ROOT, bundles=[web])

    assert "test_programs.py:" in found
    assert "json" in found
