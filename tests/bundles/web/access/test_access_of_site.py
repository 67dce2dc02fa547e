"""Access files of a site: its handlers, its files, its reloads."""

import base64

import pytest

from bundles.autoload import create_application
from bundles.security.testing.access_matrix import AccessMatrix
from rxkernel import ConfigurationError
from tests.bundles.web.conftest import Site
from tests.bundles.web.users import SECRET, Users, served_with_users

RAN = """
    _ran = []

    async def request(client):
        _ran.append(1)
        client.headers["X-Ran"] = str(len(_ran))
"""

PASSWORD = {"Authorization": "Basic " + base64.b64encode(b"ada:hunter2").decode()}


# T79
async def test_handler_of_closed_directory_does_not_run(site: Site) -> None:
    files = {
        "app/cellar/access.py": "auth = 'ada:hunter2'\nrealm = 'Cellar'\n",
        "app/cellar/request.py": RAN,
        "app/cellar/get.py": "async def get(client): return 'wine'",
        "app/cellar/list.txt": "red, white",
        "app/cellar/deep/map.txt": "left, right",
    }
    async with site.served(files) as session:
        for path in ("/cellar/", "/cellar/list.txt", "/cellar/deep/map.txt", "/cellar/none.txt"):
            async with session.get(path) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == 'Basic realm="Cellar"'
        async with session.get("/cellar/", headers=PASSWORD) as response:
            assert (response.status, await response.text()) == (200, "wine")
            assert response.headers["X-Ran"] == "1"
        async with session.get("/cellar/deep/map.txt", headers=PASSWORD) as response:
            assert (response.status, await response.text()) == (200, "left, right")


async def test_too_many_wrong_passwords_are_429(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/a/access.py": "auth = 'ada:hunter2'\n",
        "app/a/b.txt": "b",
        "app/c/access.py": "auth = 'ada:other'\n",
        "app/c/html.template": "page",
        "app/open.txt": "open",
    }
    wrong = {"Authorization": "Basic " + base64.b64encode(b"ada:hunter3").decode()}
    options = {"security.throttling.address_attempts": 3}
    async with site.served(files, options=options) as session:

        async def status(path: str, headers: dict[str, str]) -> int:
            async with session.get(path, headers=headers) as response:
                assert ("Retry-After" in response.headers) == (response.status == 429)
                return response.status

        for _ in range(5):
            assert await status("/a/b.txt", {}) == 401
        assert await status("/a/b.txt", PASSWORD) == 200
        statuses = [await status(path, wrong) for path in ("/a/b.txt", "/c/", "/a/b.txt", "/c/")]
        assert statuses == [401, 401, 401, 429]
        assert await status("/a/b.txt", PASSWORD) == 429
        assert await status("/a/b.txt", {}) == 401
        assert await status("/open.txt", wrong) == 200

    assert "too many wrong passwords for 'Restricted' from 127.0.0.1: 429" in caplog.text
    assert "hunter" not in caplog.text


async def test_body_of_refused_request_is_not_read(site: Site) -> None:
    """The rule decides in kernel.head: a broken body is not a 400."""
    files = {
        "app/access.py": "guests = False\n",
        "app/post.py": "async def post(client): return 'ran'",
    }
    async with site.served(files) as session:
        headers = {"Content-Type": "application/json"}
        async with session.post("/", data=b"{broken", headers=headers) as response:
            assert response.status == 401


async def test_own_page_has_the_access_of_the_directory(site: Site) -> None:
    files = {
        "app/get.py": "async def get(client): return client.directory.path",
        "app/closed/access.py": "guests = False\n",
        "app/closed/html.template": "page",
        "app/closed/open/access.py": "guests = True\n",
        "app/closed/open/html.template": "page",
    }
    client = await site.start(files)

    assert (await client.http("GET /")).status_code == 200
    assert (await client.http("GET /closed")).status_code == 401
    assert (await client.http("GET /closed/open")).status_code == 200


async def test_path_below_virtual_directory_has_the_access_of_that_directory(site: Site) -> None:
    """The handler of /docs must not bypass the rule of /docs/secret."""
    files = {
        "app/docs/access.py": "virtual = True\n",
        "app/docs/get.py": "async def get(client): return f'page {client.path}'",
        "app/docs/a.txt": "file a",
        "app/docs/secret/access.py": "guests = False\n",
        "app/docs/secret/b.txt": "file b",
    }
    async with served_with_users(site, files) as session:
        for path, status, text in [
            ("/docs/a.txt", 200, "file a"),
            ("/docs/x/y", 200, "page x/y"),
            ("/docs/secret/b.txt", 401, None),
            ("/docs/secret/none", 401, None),
            ("/docs/secret%2Fb.txt", 401, None),
            ("/docs/secret/b.txt?web_path=a.txt", 401, None),
            ("/docs/secret/b.txt?path=a.txt", 401, None),
        ]:
            async with session.get(path) as response:
                assert response.status == status, path
                if text is not None:
                    assert await response.text() == text


async def test_access_file_with_problems_is_reported_with_lines(site: Site) -> None:
    error = await site.problems(
        {
            "app/access.py": "guest = True\nhttp = 'no'\n",
            "app/a/access.py": "\n\ngroups = ['lokal']\n",
            "app/b/access.py": "guests = False\n",
            "app/b/c/access.py": "logged = False\n",
        }
    )

    for text in (
        "app/access.py:1: guest is not known; did you mean guests?",
        "app/access.py:2: http is 'no'; write True or False",
        "app/a/access.py:3: groups has 'lokal'; did you mean 'local'?",
    ):
        assert text in error


async def test_directory_for_no_client_is_reported_with_its_file(site: Site) -> None:
    error = await site.problems(
        {
            "app/b/access.py": "guests = False\n",
            "app/b/c/access.py": "logged = False\n",
        }
    )

    assert "app/b/c/access.py: guests and logged are False, so no client may" in error


async def test_role_outside_of_hierarchy_is_reported(site: Site) -> None:
    site.write({"app/a/access.py": "groups = ['admim']\n", "app/get.py": "async def get(c): ..."})
    application = create_application(site.root, users=Users)
    application.load_settings({"security.roles": {"admin": []}})

    with pytest.raises(
        ConfigurationError, match=r"app/a/access.py:1: groups has 'admim'.*'admin'\?"
    ):
        await application.boot()


@pytest.mark.parametrize(
    "text",
    [
        "auth = 'ada:hunter2\n",
        "auth = 'hunter2'\n",
        "auth = int('hunter2')\n",
        "raise ValueError('hunter2')\n",
    ],
    ids=range(4),
)
async def test_password_is_in_no_error(
    site: Site, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await site.problems({"app/access.py": text})

    assert "app/access.py:1" in error
    assert "hunter2" not in error
    assert "hunter2" not in caplog.text


async def test_password_is_in_no_option_of_routes(site: Site) -> None:
    files = {
        "app/a/access.py": "auth = 'ada:hunter2'\nhttp = False\n",
        "app/a/get.py": "async def get(client): ...",
    }
    client = await site.start(files)

    definitions = client.application.kernel.http_definitions
    shown = {each.name: repr(each.options["access"]) for each in definitions}
    assert shown["GET /a"] == "https-only basic='Restricted'"
    assert shown["web_files"] == "public; /a: https-only basic='Restricted'"
    assert shown["web_files_index"] == "public"
    assert "hunter2" not in repr([each.options for each in definitions])


async def test_reload_of_access_file_changes_handlers_and_files(site: Site) -> None:
    files = {
        "app/a/get.py": "async def get(client): return 'ran'",
        "app/a/b.txt": "b",
        "app/v/access.py": "virtual = True\n",
        "app/v/get.py": "async def get(client): return 'ran'",
        "app/v/s/b.txt": "b",
    }
    client = await site.start(files)
    virtual, file = {"web_path": "s/b.txt"}, {"path": "a/b.txt"}

    async def statuses() -> list[int]:
        return [
            (await client.http("GET /a")).status_code,
            (await client.http("web_files", params=file)).status_code,
            (await client.http("GET /v/{web_path:path}", params=virtual)).status_code,
        ]

    assert await statuses() == [200, 200, 200]
    closed = "guests = False\n"
    await site.change({"app/a/access.py": closed, "app/v/s/access.py": closed})
    assert await statuses() == [401, 401, 401]
    await site.change({}, remove=("app/a/access.py", "app/v/s/access.py"))
    assert await statuses() == [200, 200, 200]


async def test_reload_without_change_of_access_keeps_the_routes_of_files(site: Site) -> None:
    client = await site.start(
        {"app/get.py": "async def get(client): return 1", "app/access.py": "guests = True\n"}
    )
    before = client.application.kernel.http_definitions["web_files"]

    await site.change({"app/get.py": "async def get(client): return 2"})

    assert client.application.kernel.http_definitions["web_files"].metadata is before.metadata


async def test_reload_with_wrong_access_file_keeps_the_rule(site: Site) -> None:
    client = await site.start(
        {"app/access.py": "guests = False\n", "app/get.py": "async def get(client): return 1"}
    )

    with pytest.raises(ConfigurationError, match="guest is not known"):
        await site.change({"app/access.py": "guest = False\n"})

    assert (await client.http("GET /")).status_code == 401


async def test_other_method_does_not_reveal_files_of_closed_directory(site: Site) -> None:
    """A method without a route has no rule, so the error is the same for all paths."""
    files = {
        "app/a/access.py": "auth = 'ada:hunter2'\n",
        "app/a/file.txt": "secret",
        "app/b/file.txt": "public",
    }
    async with site.served(files) as session:

        async def status(path: str) -> int:
            async with session.post(path) as response:
                return response.status

        assert [await status(path) for path in ("/a/file.txt", "/a/none.txt")] == [405, 405]
        assert [await status(path) for path in ("/b/file.txt", "/b/none.txt")] == [405, 404]


async def test_access_matrix_accepts_a_site(site: Site) -> None:
    files = {
        "app/get.py": "async def get(client): return 1",
        "app/users/access.py": "guests = False\nvirtual = True\n",
        "app/users/request.py": "async def request(client): ...",
        "app/users/admins/request.py": "async def request(client): ...",
        "app/users/plain/request.py": "async def request(client): ...",
        "app/users/admins/access.py": "groups = ['admin', 'local']\n",
        "app/users/plain/access.py": "http = False\nauth = 'a:b'\n",
    }
    site.write(files)
    application = create_application(site.root, users=Users)
    application.load_settings({"security.tokens.secret": SECRET})

    rows = await AccessMatrix(application, ["ada", "root"]).rows()

    verdicts = {(row.route, row.client): row.verdict for row in rows}
    assert verdicts["GET /", "no credential"] == "ran"
    assert verdicts["GET /users", "no credential"] == 401
    assert verdicts["GET /users", "ada"] == "ran"
    assert verdicts["GET /users/admins", "ada"] == 403
    assert verdicts["GET /users/admins", "root"] == "ran"
    assert verdicts["GET /users/plain", "root"] == 403


@pytest.mark.parametrize("name", ["talk.ws", "news.sse", "list.json", "page.html"])
async def test_access_of_every_extension_decides_before_the_handler(site: Site, name: str) -> None:
    files = {
        f"app/{name}/access.py": "auth = 'ada:hunter2'\n",
        f"app/{name}/get.py": "async def get(client): raise AssertionError('ran')",
    }
    async with site.served(files) as session:
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"} if name == "talk.ws" else {}
        async with session.get(f"/{name}", headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Basic realm="Restricted"'
