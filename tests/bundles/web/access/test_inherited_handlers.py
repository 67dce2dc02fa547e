"""The access of handlers that a directory inherits."""

from collections.abc import Mapping

import pytest

from tests.bundles.web.conftest import Site

MEMBERS = {
    "app/access.py": "guests = False\n",
    "app/get.py": "async def get(client): return 'secret'",
    "app/post.py": "async def post(client): return 'deleted all'",
    "app/html.template": "page",
}


async def _statuses(site: Site, files: Mapping[str, str], *requests: str) -> list[int]:
    async with site.served(files) as session:
        found = []
        for line in requests:
            method, path = line.split()
            async with session.request(method, path) as response:
                found.append(response.status)
        return found


@pytest.mark.parametrize(
    "name", ["access.py", "error.py", "menu.template", "error.template", "list.jinja"]
)
async def test_directory_without_handlers_inherits_no_verbs(site: Site, name: str) -> None:
    texts = {
        "access.py": "https = False\n",
        "error.py": "async def error(client): ...",
    }
    files = {
        "app/get.py": "async def get(client): return 'root'",
        "app/post.py": "async def post(client): return 'root'",
        "app/html.template": "page",
        "app/docs/index.html": "index",
        "app/docs/logo.png": "logo",
        f"app/docs/{name}": texts.get(name, "text"),
    }
    async with site.served(files) as session:
        async with session.get("/docs/") as response:
            assert await response.text() == "index"
        async with session.get("/docs/logo.png") as response:
            assert await response.text() == "logo"
        async with session.post("/docs/") as response:
            assert response.status == 405


async def test_open_directory_for_pictures_does_not_open_handlers(site: Site) -> None:
    files = {
        **MEMBERS,
        "app/public/access.py": "guests = True\n",
        "app/public/logo.png": "logo",
        "app/admin/access.py": "groups = ['admin']\n",
        "app/admin/delete.py": "async def delete(client): return 'deleted'",
        "app/admin/img/access.py": "guests = True\ngroups = []\n",
    }
    requests = (
        "GET /public/logo.png",
        "GET /public/",
        "POST /public/",
        "DELETE /admin/img",
        "POST /admin/img",
    )
    assert await _statuses(site, files, *requests) == [200, 404, 404, 404, 404]


async def test_open_directory_opens_its_own_handlers_only(site: Site) -> None:
    files = {
        **MEMBERS,
        "app/join/access.py": "guests = True\n",
        "app/join/get.py": "async def get(client): return 'join'",
        "app/paged/access.py": "guests = True\n",
        "app/paged/put.py": "async def put(client): return 'own'",
    }
    requests = ("GET /join/", "POST /join/", "PUT /paged/", "GET /paged/")
    assert await _statuses(site, files, *requests) == [200, 401, 200, 401]


async def test_page_of_closed_directory_is_not_opened_by_one_below(site: Site) -> None:
    files = {
        "app/access.py": "guests = False\n",
        "app/html.template": "secret",
        "app/a/access.py": "guests = True\n",
        "app/a/put.py": "async def put(client): return 'own'",
        "app/b/access.py": "guests = True\n",
        "app/b/request.py": "async def request(client): ...",
    }
    requests = ("GET /a/", "PUT /a/", "GET /b/")
    assert await _statuses(site, files, *requests) == [401, 200, 200]


async def test_inherited_handler_has_the_access_of_both_directories(site: Site) -> None:
    client = await site.start(
        {
            **MEMBERS,
            "app/admin/access.py": "groups = ['admin']\n",
            "app/admin/request.py": "async def request(client): ...",
            "app/open/access.py": "guests = True\nhttps = False\n",
            "app/open/request.py": "async def request(client): ...",
            "app/other/access.py": "auth = 'a:b'\n",
            "app/other/request.py": "async def request(client): ...",
        }
    )

    definitions = client.application.kernel.http_definitions
    shown = {each.name: repr(each.options["access"]) for each in definitions}
    assert shown["GET /admin"] == "roles=admin"
    assert shown["GET /open"] == "http-only; handler of /: authenticated"
    assert shown["GET /other"] == "authenticated basic='Restricted'"


async def test_handler_behind_two_passwords_is_for_no_client(site: Site) -> None:
    files = {
        "app/access.py": "auth = 'a:b'\n",
        "app/get.py": "async def get(client): return 'root'",
        "app/in/access.py": "auth = 'c:d'\nrealm = 'in'\n",
        "app/in/post.py": "async def post(client): return 'own'",
    }
    async with site.served(files) as session:
        own = {"Authorization": "Basic Yzpk"}
        async with session.post("/in/", headers=own) as response:
            assert response.status == 200
        for headers in (own, {"Authorization": "Basic YTpi"}):
            async with session.get("/in/", headers=headers) as response:
                assert response.status == 401


VIRTUAL = {
    "app/access.py": "guests = False\nvirtual = True\n",
    "app/get.py": "async def get(client): return 'secret'",
    "app/post.py": "async def post(client): return 'secret'",
    "app/css/access.py": "guests = True\n",
    "app/css/site.css": "css",
}


async def test_virtual_handler_of_closed_directory_is_not_opened_by_one_below(site: Site) -> None:
    requests = ("GET /css/site.css", "GET /css/none", "HEAD /css/none", "POST /css/none", "GET /a")
    assert await _statuses(site, VIRTUAL, *requests) == [200, 401, 401, 401, 401]


async def test_virtual_handler_that_is_inherited_needs_both_directories(site: Site) -> None:
    files = {
        **MEMBERS,
        "app/v/access.py": "guests = True\nvirtual = True\n",
        "app/v/request.py": "async def request(client): ...",
        "app/v/a.txt": "a",
    }
    requests = ("GET /v/a.txt", "GET /v/none", "POST /v/none")
    assert await _statuses(site, files, *requests) == [200, 401, 401]
    definitions = site.application.kernel.http_definitions
    below = {
        each.name: repr(each.options["access"]) for each in definitions if "web_path" in each.name
    }
    assert set(below.values()) == {"public; handler of /: authenticated"}
