"""The smallest sites."""

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
