"""Files of the tree that cannot be handlers are errors with their paths."""

import pytest

from bundles.web import Extension, WebBundle
from tests.bundles.web.conftest import Site


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("get.py", "x = 1", "'x' is not a field"),
        ("get.py", "", "does not define a handler; write async def get(client)"),
        ("get.py", "def get(client): return 1", "get is a def, not an async function"),
        ("get.py", "method = 1", "method is of the type int"),
        ("get.py", "async def get(client): yield 1", "get yields; return StreamResponse"),
        ("get.py", "async def get(): return 1", "get takes 0 parameters; write async def get"),
        ("get.py", "async def get(*, client): return 1", "write async def get(client)"),
        ("get.py", "async def get(client, *a): return 1", "get takes *a; name each parameter"),
        ("get.py", "async def get(client, a): return 1", "get has no type for 'a'"),
        ("get.py", "async def get(client, a: int): return 1", "client.parameters['a']"),
        ("get.py", "async def get(client, a: 'Nothing'): return 1", "cannot be read"),
        ("get.py", "async def middleware(request): return 1", "async def middleware(request, n"),
        (
            "get.py",
            "async def get(client): return 1\nasync def middleware(request, next): return 1",
            "defines middleware and get, but a file has one handler",
        ),
        ("end.py", "async def middleware(request, next): return 1", "write async def end(client)"),
        (
            "error.py",
            "async def error(client, k: Exception): 1",
            "takes k",
        ),
        ("gte.py", "async def get(client): return 1", "did you mean get.py?"),
        ("helpers.py", "A = 1", "'helpers' is not a stage of a request"),
        ("acces.py", "virtual = True", "did you mean access.py?"),
        ("get.py", "async def get(client) return 1", "SyntaxError"),
        ("get.py", "raise KeyError('a')", "KeyError: 'a', raised while the file was executed"),
        ("html.template", b"\xff", "is not UTF-8 in line 1"),
        ("html.jinja2", "text", "a template of Jinja ends with .jinja; write html.jinja"),
        ("menu.j2", b"\xff", "a template of Jinja ends with .jinja; write menu.jinja"),
    ],
    ids=lambda value: None,
)
async def test_file_that_is_not_a_handler_is_an_error_with_its_path(
    site: Site, key: str, text: str, problem: str
) -> None:
    found = await site.problems({f"app/a/{key}": text})

    assert f"{site.root}/app/a/{key}" in found
    assert problem in found


async def test_all_problems_are_reported_at_once(site: Site) -> None:
    files = {
        "app/get.py": "",
        "app/a/post.py": "timeout = 'x'\nasync def post(client): return 1",
        "api/chat/send.py": "def send(): return 1",
        "app/b/gt.py": "",
    }
    found = await site.problems(files)

    assert all(key in found for key in ("app/get.py", "api/chat/send.py", "app/b/gt.py"))


async def test_all_problems_of_one_file_are_reported_at_once(site: Site) -> None:
    lines = ("meta = ['a']", "timeout = 'soon'", "body_limit = '1MB'", "deprecated = 5", "a = 1")
    text = "\n".join((*lines, "async def post(client, callback): return 1"))
    found = await site.problems({"app/post.py": text})

    assert "app/post.py:1: meta is ['a']; write a mapping" in found
    assert "app/post.py:2: timeout is 'soon'; it must be seconds" in found
    assert "app/post.py:3: body_limit is '1MB'; write a number of bytes, 1 or more" in found
    assert "app/post.py:4: deprecated is 5; it must be a bool, or a text" in found
    assert "app/post.py:5: 'a' is not a field" in found
    assert "app/post.py:6: post takes 'callback'" in found


@pytest.mark.parametrize("limit", ["0", "True", "1.5"])
async def test_limit_of_a_body_that_is_not_a_number_of_bytes_is_an_error(
    site: Site, limit: str
) -> None:
    text = f"body_limit = {limit}\nasync def post(client): return 1"

    assert f"app/post.py:1: body_limit is {limit};" in await site.problems({"app/post.py": text})


async def test_unknown_extension_of_handlers_is_an_error(site: Site) -> None:
    """Impress of 2015 responded with 510."""
    found = await site.problems({"app/a.jsn/get.py": "async def get(client): return 1"})

    assert "app/a.jsn/get.py: the extension 'jsn' is not known; did you mean 'json'?" in found


async def test_unknown_extension_without_handlers_is_a_folder_of_files(site: Site) -> None:
    client = await site.start(
        {"app/get.py": "async def get(client): return 1, 200", "app/lib.min/a.js": "1"}
    )

    response = await client.http("web_files", params={"path": "lib.min/a.js"})
    assert response.status_code == 200


async def test_own_extension_is_used(site: Site) -> None:
    async def shout(client: object, data: object) -> str:
        return f"{data}!"

    web = WebBundle(extensions=[Extension("loud", "text/loud", shout)])
    files = {"app/a.loud/get.py": "async def get(client): return 'hey'"}
    client = await site.start(files, bundles=[web])

    response = await client.http("GET /a.loud")
    assert (response.content, response.headers["Content-Type"]) == ("hey!", "text/loud")


def test_two_own_extensions_of_one_name_are_an_error() -> None:
    one = Extension("x", "text/x", lambda client, data: "x")
    with pytest.raises(Exception, match="two extensions 'x'"):
        WebBundle(extensions=[one, one])


async def test_folder_static_beside_app_is_an_error(site: Site) -> None:
    found = await site.problems({"app/get.py": "", "static/a.txt": "a"})

    assert "would both be served at /" in found


async def test_missing_folder_app_is_an_error(site: Site) -> None:
    bundles = [WebBundle()]

    assert "app does not exist" in await site.problems({"lib/a.py": ""}, bundles=bundles)


async def test_folder_with_braces_is_an_error(site: Site) -> None:
    found = await site.problems({"app/{id}/get.py": "async def get(client): return 1"})

    assert "has braces, but a path has no parameters; rename it" in found


async def test_two_templates_of_one_name_are_an_error(site: Site) -> None:
    found = await site.problems({"app/html.template": "a", "app/html.jinja": "b"})

    assert "html.jinja has the same name; remove one of the two" in found or (
        "html.template has the same name; remove one of the two" in found
    )


async def test_private_and_hidden_files_are_not_read(site: Site) -> None:
    files = {
        "app/get.py": "async def get(client): return 'x'",
        "app/_helper.py": "raise KeyError",
        "app/.hidden/get.py": "raise KeyError",
        "app/__pycache__/get.py": "raise KeyError",
        "app/.access.py": "raise KeyError",
    }
    client = await site.start(files)

    assert [d.name for d in client.application.kernel.http_definitions][:1] == ["GET /"]
    for path in ("_helper.py", ".hidden/get.py", "__pycache__/get.py", "get.py"):
        response = await client.http("web_files", params={"path": path})
        assert response.status_code == 404


async def test_names_of_folders_are_any_segment_of_a_url(site: Site) -> None:
    files = {
        "app/404/get.py": "async def get(client): return client.directory.path",
        "app/my-page/class/get.py": "async def get(client): return __name__",
        "app/get/get.py": "async def get(client): return client.directory.path",
        "app/get.py": "async def get(client): return client.directory.path",
        "app/a.json/b.json/get.py": "async def get(client): return __name__",
        "app/v1.0/get.py": "async def get(client): return client.directory.extension.name",
    }
    client = await site.start(files)

    async def text(path: str) -> object:
        return (await client.http(f"GET {path}")).content

    assert [await text(path) for path in ("/", "/404", "/get")] == ["", "/404", "/get"]
    assert await text("/my-page/class") == "application.app.my_2d_page.class.get"
    assert await text("/a.json/b.json") == b'"application.app.a_2e_json.b_2e_json.get"'
    assert await text("/v1.0") == "html"


async def test_own_extension_replaces_the_built_in_one_of_pages(site: Site) -> None:
    web = WebBundle(extensions=[Extension("html", "text/own", lambda client, data: f"<{data}>")])
    files = {"app/a/get.py": "async def get(client): return 1"}
    client = await site.start(files, bundles=[web])

    response = await client.http("GET /a")
    assert (response.content, response.headers["Content-Type"]) == ("<1>", "text/own")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("access.PY", "access.py"),
        ("access.py.txt", "access.py"),
        ("Access.py.TXT", "access.py"),
        ("GET.Py", "get.py"),
        ("lazy.py.txt", "lazy.py"),
        ("html.Template", "html.template"),
        ("menu.editors.JINJA", "menu.editors.jinja"),
    ],
)
async def test_file_with_misspelled_name_is_an_error(site: Site, key: str, meant: str) -> None:
    found = await site.problems({f"app/a/{key}": "guests = False"})

    assert f"{site.root}/app/a/{key}: is not read with this name; rename it to {meant}" in found


async def test_files_with_other_names_are_static(site: Site) -> None:
    files = {"app/get.txt": "text", "app/py.txt": "text", "app/forget.txt": "text"}
    client = await site.start({"app/get.py": "async def get(client): return 'x'", **files})

    for key in files:
        response = await client.http("web_files", params={"path": key.removeprefix("app/")})
        assert response.status_code == 200


@pytest.mark.parametrize("name", ["method", "middleware"])
async def test_file_with_two_handlers_is_an_error(site: Site, name: str) -> None:
    text = f"""
        async def {name}(first, second=None): return 1
        async def get(client): return 2
        """
    found = await site.problems({"app/a/get.py": text})

    assert f"app/a/get.py: defines {name} and get, but a file has one handler; remove one" in found


async def test_other_verbs_of_sockets_are_an_error(site: Site) -> None:
    async def put(client: object) -> None: ...

    web = WebBundle()
    web.put("/b.ws", put)
    text = "async def post(client): pass"
    found = await site.problems({"app/a.ws/post.py": text}, bundles=[web])

    assert "app/a.ws/post.py:1: is never called, since a WebSocket begins with GET" in found
    assert "test_handler_files.py" in found


async def test_unknown_extension_in_upper_case_has_a_near_name(site: Site) -> None:
    found = await site.problems({"app/a.JSON/get.py": "async def get(client): return 1"})

    assert "the extension 'JSON' is not known; did you mean 'json'?" in found
