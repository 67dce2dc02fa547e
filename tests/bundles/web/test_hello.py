"""The smallest sites."""

import aiohttp
import pytest

from tests.bundles.web.conftest import Site


async def test_handler_of_root_responds_html(site: Site) -> None:
    client = await site.start({"app/get.py": "async def get(client): return '<h1>Hello</h1>'"})

    response = await client.http("GET /")

    assert (response.status_code, response.content) == (200, "<h1>Hello</h1>")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_handler_of_json_directory_responds_json(site: Site) -> None:
    client = await site.start(
        {"app/users.json/get.py": "async def method(client): return [1, {}]"}
    )

    response = await client.http("GET /users.json")

    assert response.headers["Content-Type"] == "application/json"
    assert response.content == b"[1,{}]"


@pytest.mark.parametrize("has_calls", [False, True], ids=["without api", "with api"])
async def test_metacom_is_served_beside_a_site_only_with_a_folder_of_endpoints(
    site: Site, has_calls: bool
) -> None:
    """Access files are not rules for calls of Metacom."""
    call = {"type": "call", "id": 1, "method": "unit/call", "args": {}}
    endpoint = "access = 'public'\nasync def method(): ..."
    files = {
        "app/access.py": "auth = 'ada:secret'",
        "app/get.py": "async def get(client): return 1",
        **({"api/unit/call.py": endpoint} if has_calls else {}),
    }
    async with site.served(files) as session:
        async with session.post("/api", json=call) as response:
            assert response.status == (200 if has_calls else 405)
        if has_calls:
            async with session.ws_connect("/") as client:
                await client.close()
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect("/")
            assert caught.value.status == 401


async def test_metacom_that_is_given_to_a_site_is_served(site: Site) -> None:
    await site.start({"app/get.py": "async def get(client): return 1"}, bundles=["metacom"])

    assert "metacom" in site.application.servers
