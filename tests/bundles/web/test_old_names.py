"""Names of Impress in handlers of Python: errors have a hint."""

import pytest

from tests.bundles.web.conftest import Site


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("client.startSession()", "write client.session['key'] = value, without a start"),
        ("client.req.url", "write client.request"),
        ("client.res.end('x')", "return the response: data"),
        ("client.logged", "write client.user is not None"),
        ("client.sse.channel", "write client.subscribe(channel)"),
        ("client.signIn('a', 'b')", "write await client.sign_in(user)"),
        ("client.signOut()", "write await client.sign_out()"),
        ("client.registerUser()", "behind a UserProvider"),
        ("client.callback(1)", "return the result of the handler"),
        ("client.paramters", "did you mean client.parameters?"),
        ("client.Session", "did you mean client.session?"),
    ],
)
async def test_unknown_attribute_of_the_client_is_an_error_with_a_hint(
    site: Site, caplog: pytest.LogCaptureFixture, code: str, hint: str
) -> None:
    client = await site.start({"app/a.json/get.py": f"async def get(client): return {code}"})

    assert (await client.http("GET /a.json")).status_code == 500
    assert "AttributeError: 'Client' object has no attribute" in caplog.text
    assert hint in caplog.text


async def test_attribute_without_a_similar_one_has_no_hint(site: Site) -> None:
    text = """
        async def get(client):
            try:
                client.xyzzy
            except AttributeError as exc:
                return [str(exc), getattr(client, "_private", 1), hasattr(client, "zz")]
        """
    client = await site.start({"app/a.json/get.py": text})

    expected = b"[\"'Client' object has no attribute 'xyzzy'\",1,false]"
    assert (await client.http("GET /a.json")).content == expected


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        (
            "get",
            "get(client, callback)",
            "get takes 'callback'; handlers have no callback; return the",
        ),
        ("get", "method(client, cb)", "method takes 'cb'; handlers have no callback; return the"),
        ("get", "get(client, next)", "get takes 'next'; only a middleware takes it"),
        ("get", "get(req, res)", "get takes req, res; write the one parameter client"),
        ("request", "middleware(req, res, next)", "write async def middleware(request, next)"),
        ("error", "error(client, exc)", "error takes 'exc'; write client.exception"),
    ],
)
async def test_old_parameters_of_a_handler_are_an_error_with_a_hint(
    site: Site, key: str, text: str, problem: str
) -> None:
    found = await site.problems({f"app/{key}.py": f"async def {text}: return 1"})

    assert problem in found
    assert "client.parameters" not in found


@pytest.mark.parametrize("module", ["domain", "domain.people", "lib.names"])
async def test_namespace_that_is_imported_as_a_module_is_an_error_with_a_hint(
    site: Site, module: str
) -> None:
    text = f"from {module} import people\nasync def get(client): return 1"
    found = await site.problems({"domain/people.py": "a = 1", "app/get.py": text})

    assert f"write from bundles.autoload import {module.partition('.')[0]}" in found


async def test_missing_library_has_no_hint(site: Site) -> None:
    found = await site.problems({"app/get.py": "import not_there"})

    assert "No module named 'not_there', raised while the file was executed" in found
    assert "bundles.autoload" not in found
