"""``router.py`` gets all requests below the path of its unit."""

import hashlib
import hmac

import aiohttp
import pytest
from yarl import URL

from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder

ROUTER = """
    access = "public"

    async def router(verb, path, query, headers, body):
        return {
            "verb": verb,
            "path": path,
            "query": {name: query.getall(name) for name in query},
            "type": headers.get("Content-Type"),
            "body": body.decode(),
        }
    """


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_router_gets_verb_path_query_headers_and_raw_body(folder: Folder, verb: str) -> None:
    application = await folder.boot(
        {
            "api/hooks/router.py": ROUTER,
            "api/hooks/other.py": "access = 'public'\nasync def method(): return 'other'",
        }
    )
    await application.start()
    base = f"http://127.0.0.1:{application.servers['http'].port}"
    body = '{"a":  1}' if verb != "GET" else ""
    headers = {"Content-Type": "application/json"} if body else {}

    async with aiohttp.ClientSession(base) as session:
        url = "/api/hooks/a%2Fb/%2E%2E/b%20c?x=1&path=2&x=3"
        async with session.request(
            verb, URL(url, encoded=True), data=body or None, headers=headers
        ) as response:
            assert response.status == 200
            assert await response.json() == {
                "verb": verb,
                "path": "a/b/../b c",
                "query": {"x": ["1", "3"], "path": ["2"]},
                "type": "application/json" if body else None,
                "body": body,
            }
        async with session.request(verb, "/api/hooks/other") as response:
            found = await response.text()
            assert found == "other" if verb == "POST" else '"path":"other"' in found
        for url in ("/api/hooks", "/api/hooks/"):  # a webhook often has this path
            async with session.request(verb, f"{url}?path=x&y=1") as response:
                found = await response.json()
                assert (found["path"], found["query"]) == ("", {"path": ["x"], "y": ["1"]})


async def test_router_of_a_version_is_found_under_its_names(folder: Folder) -> None:
    application = await folder.boot({"api/hooks.2/router.py": ROUTER})
    client = KernelClient(application)

    for name in ("hooks/router", "hooks.2/router"):
        response = await client.http(f"POST {name}", params={"path": "x"}, body=b"raw")
        assert (response.content["path"], response.content["body"]) == ("x", "raw")
    assert not [*application.kernel.websocket_definitions]


async def test_router_can_verify_a_signature(folder: Folder) -> None:
    application = await folder.boot(
        {
            "api/hooks/router.py": """
                import hashlib
                import hmac

                from rxkernel import ForbiddenException

                access = "public"

                async def method(headers, body):
                    made = hmac.new(b"key", body, hashlib.sha256).hexdigest()
                    if not hmac.compare_digest(made, headers.get("X-Signature", "")):
                        raise ForbiddenException
                    return len(body)
                """
        }
    )
    client = KernelClient(application)
    body = b'{"a":1,  "b":2}'
    signature = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    headers = {"X-Signature": signature, "Content-Type": "application/json"}

    async def status_of(sent: bytes) -> int:
        found = await client.http(
            "POST hooks/router", params={"path": "x"}, body=sent, headers=headers
        )
        return found.status_code

    assert await status_of(body) == 200
    assert await status_of(body + b" ") == 403


async def test_router_with_unknown_parameters_or_fields_is_an_error(folder: Folder) -> None:
    text = "access = 'public'\nparameters = {}\nasync def router(method, **rest): ..."

    with pytest.raises(ConfigurationError) as caught:
        await folder.boot({"api/hooks/router.py": text})

    problems = [problem.partition("router.py:")[2] for problem in caught.value.problems]
    assert problems[0].startswith("2: 'parameters' is not a field")
    assert problems[1].startswith("3: router takes 'method', which no request has; the parameters")
    assert problems[2].startswith("3: router takes **rest; name the parameters")


async def test_access_of_a_router_is_checked(folder: Folder) -> None:
    """Metarhia did not check it."""
    with pytest.raises(ConfigurationError, match="access is missing"):
        await folder.boot({"api/hooks/router.py": "async def router(): ..."})
