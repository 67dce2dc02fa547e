"""The routes of autoload below ``/api``, with bare results and with packets."""

from pathlib import Path
from typing import Any

import pytest

from bundles.autoload import AutoloadBundle
from tests.bundles.metacom.conftest import Site, SiteOf

FILES = {
    "example/echo": "access = 'public'\nsafe = True\nasync def method(**rest): return rest",
    "example/add": (
        "access = 'public'\n"
        "parameters = {'a': 'number', 'b': 'number'}\n"
        "async def method(a, b): return a + b"
    ),
    "example/fail": (
        "from bundles.contracts import DomainError\n"
        "access = 'public'\n"
        "errors = {'EARGA': 'Invalid argument: a'}\n"
        "async def method(way: str):\n"
        "    if way == 'returned':\n"
        "        return DomainError('EARGA')\n"
        "    if way == 'none':\n"
        "        return None\n"
        "    raise RuntimeError('a secret')"
    ),
    "example/cookie": (
        "from rxkernel import Response\n"
        "access = 'public'\n"
        "async def method():\n"
        "    response = Response({'is': 'set'}, 201)\n"
        "    response.set_cookie('name', 'Ada')\n"
        "    return response"
    ),
    "hooked/router": (
        "from json import loads\n"
        "access = 'public'\n"
        "async def method(verb, path, query, headers, body):\n"
        "    args = {**query, **loads(body)}\n"
        "    return {'verb': verb, 'path': path, 'args': args, 'own': headers['X-Own']}"
    ),
}


def folder_of(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "api" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


async def ask(site: Site, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with site.session.request(method, f"{site.url}{path}", **options) as response:
        return response.status, await response.json()


async def site_with(site_of: SiteOf, tmp_path: Path, **settings: Any) -> Site:
    site: Site = await site_of(bundles=(AutoloadBundle(folder_of(tmp_path)),), **settings)
    return site


def packet(**fields: Any) -> dict[str, Any]:
    return {"type": "callback", "id": 0, **fields}


async def test_rest_has_bare_results_by_default(site_of: SiteOf, tmp_path: Path) -> None:
    site = await site_with(site_of, tmp_path)

    assert await ask(site, "POST", "/api/example/add", json={"a": 2, "b": 3}) == (200, 5)


# T45
@pytest.mark.parametrize("compat", [False, True], ids=["default", "compat"])
async def test_argument_of_the_body_precedes_the_query(
    site_of: SiteOf, tmp_path: Path, compat: bool
) -> None:
    """The query contains texts; the body contains values of any type."""
    site = await site_with(site_of, tmp_path, rest="packets", compat=compat)

    found = await ask(site, "GET", "/api/example/echo?a=1&b=two")
    assert found == (200, packet(result={"a": "1", "b": "two"}))
    echoed = await ask(site, "POST", "/api/example/echo?a=1&b=two", json={"b": 3, "c": [4]})
    assert echoed == (200, packet(result={"a": "1", "b": 3, "c": [4]}))
    added = await ask(site, "POST", "/api/example/add?a=9", json={"a": 2, "b": 3})
    assert added == (200, packet(result=5))


async def test_rest_packets_have_errors_of_the_profile(site_of: SiteOf, tmp_path: Path) -> None:
    site = await site_with(site_of, tmp_path, rest="packets")

    status, found = await ask(site, "POST", "/api/example/add", json={"a": 2})
    assert (status, found["error"]["code"]) == (422, 422)
    assert found["error"]["errors"][0]["message"] == 'Field "b" is required'
    status, found = await ask(site, "POST", "/api/example/fail?way=returned")
    assert (status, found) == (
        400,
        packet(error={"message": "Invalid argument: a", "code": "EARGA"}),
    )
    status, found = await ask(site, "POST", "/api/example/fail?way=raised")
    assert (status, found["error"]["message"]) == (500, "Internal Server Error")
    assert await ask(site, "POST", "/api/example/fail?way=none") == (200, packet(result=None))


async def test_rest_packets_have_errors_of_impress_with_compat(
    site_of: SiteOf, tmp_path: Path
) -> None:
    site = await site_with(site_of, tmp_path, rest="packets", compat=True)

    text = 'Invalid parameters type: Field "b" is required'
    assert await ask(site, "POST", "/api/example/add", json={"a": 2}) == (
        200,
        packet(error={"message": text, "code": 500}),
    )
    assert await ask(site, "POST", "/api/example/fail?way=returned") == (
        200,
        packet(error={"message": "Invalid argument: a", "code": "EARGA"}),
    )


async def test_rest_packets_keep_headers(site_of: SiteOf, tmp_path: Path) -> None:
    site = await site_with(site_of, tmp_path, rest="packets")
    async with site.session.post(f"{site.url}/api/example/cookie") as response:
        assert response.status == 200
        assert response.cookies["name"].value == "Ada"
        assert await response.json() == packet(result={"is": "set"})


# T46
@pytest.mark.parametrize("rest", ["results", "packets"])
async def test_router_gets_verb_path_and_args_and_sends_a_bare_result(
    site_of: SiteOf, tmp_path: Path, rest: str
) -> None:
    site = await site_with(site_of, tmp_path, rest=rest)

    found = await ask(site, "PUT", "/api/hooked/a/b?c=1", headers={"X-Own": "own"}, json={"d": 2})

    assert found == (200, {"verb": "PUT", "path": "a/b", "args": {"c": "1", "d": 2}, "own": "own"})
