"""Handlers and templates that are never used: errors at boot."""

import pytest

from bundles.web import WebBundle
from tests.bundles.web.conftest import Site

GET = "async def get(client): return 'new'"


@pytest.mark.parametrize("other", ["method", "middleware"])
async def test_two_handlers_in_one_file_are_an_error(site: Site, other: str) -> None:
    text = f"{GET}\nasync def {other}(request, next): return 1"
    found = await site.problems({"app/get.py": text})

    assert f"app/get.py: defines {other} and get, but a file has one handler; remove one" in found


async def test_handler_of_another_stage_in_a_file_is_an_error(site: Site) -> None:
    text = f"{GET}\n\nasync def post(client): return 1"
    found = await site.problems({"app/get.py": text})

    assert "app/get.py: defines post(client), which is not called here" in found
    assert "move it to post.py" in found


async def test_function_of_the_domain_with_the_name_of_a_stage_is_allowed(site: Site) -> None:
    text = "async def request(url): return url\nasync def get(client): return await request('a')"
    client = await site.start({"app/get.py": text})

    assert (await client.http("GET /")).content == "a"


@pytest.mark.parametrize("verb", ["post", "head", "put", "patch", "delete"])
async def test_verb_of_a_websocket_that_is_not_get_is_an_error(site: Site, verb: str) -> None:
    files = {"app/n.ws/get.py": GET, f"app/n.ws/{verb}.py": f"async def {verb}(client): 1"}
    found = await site.problems(files)

    assert f"app/n.ws/{verb}.py:1: is never called" in found
    assert "a WebSocket begins with GET; write get.py" in found


async def test_verb_of_a_websocket_in_a_program_is_an_error(site: Site) -> None:
    async def handler(client: object) -> None: ...

    web = WebBundle()
    web.post("/n.ws", handler)
    found = await site.problems({"app/n.ws/get.py": GET}, bundles=[web])

    assert "test_unused_files.py" in found
    assert "a WebSocket begins with GET" in found


async def test_inherited_verb_of_a_websocket_is_allowed(site: Site) -> None:
    await site.start({"app/post.py": "async def post(client): 1", "app/n.ws/get.py": GET})


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("index.template", "html.template"),
        ("htm.template", "html.template"),
        ("index.jinja", "html.jinja"),
        ("htlm.admin.template", "html.admin.template"),
        ("errors.template", "error.template"),
    ],
)
async def test_template_that_is_almost_a_page_is_an_error(
    site: Site, name: str, page: str
) -> None:
    found = await site.problems({"app/get.py": GET, f"app/a/{name}": "x"})

    assert f"app/a/{name}: is not used; a page is called {page}" in found


async def test_template_that_is_almost_a_page_may_be_a_part(site: Site) -> None:
    files = {"app/html.template": "@[index]@", "app/index.template": "part"}
    client = await site.start(files)

    assert (await client.http("GET /")).content == "part"


@pytest.mark.parametrize("name", ["get.pyy", "get.pyw", "access.pyi", "GET.pyx", "post.PY"])
async def test_file_with_misspelled_suffix_is_an_error(site: Site, name: str) -> None:
    found = await site.problems({"app/get.py": GET, f"app/a/{name}": "secret"})

    meant = f"{name.lower().split('.')[0]}.py"
    assert f"app/a/{name}: is not read with this name; rename it to {meant}" in found


async def test_code_that_appears_later_is_not_sent(site: Site) -> None:
    async with site.served({"app/get.py": GET}) as session:
        site.write({"app/get.pyy": "secret", "app/a.pyw": "secret"})
        for path in ("/get.pyy", "/a.pyw"):
            async with session.get(path) as response:
                assert response.status == 404, path
