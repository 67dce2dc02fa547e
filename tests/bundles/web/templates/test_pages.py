"""Pages of handler directories from templates."""

import logging

import attrs
import pytest

from bundles.security import UserProvider, access
from rxkernel import ConfigurationError, NotFoundException, http
from tests.bundles.web.conftest import Site

HTML = "text/html; charset=utf-8"
GET = "async def get(client): "


class Failing:
    @access("public")
    @http("GET", "/failing", "failing")
    async def fail(self) -> None:
        raise NotFoundException()


@attrs.frozen
class Account:
    username: str
    roles: tuple[str, ...] = ()


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return None


async def test_page_gets_the_data_of_all_handlers(site: Site) -> None:
    client = await site.start(
        {
            "app/html.template": "<h1>@title@</h1>@[menu]@@[users]@<li>@.name@</li>@[/users]@",
            "app/menu.template": "root",
            "app/request.py": "async def request(client): client.context.data['title'] = 'A & B'",
            "app/people/get.py": f"{GET}return {{'users': [{{'name': '<Ann>'}}]}}",
            "app/people/menu.template": "people",
        }
    )

    response = await client.http("GET /people")

    assert response.content == "<h1>A &amp; B</h1>people<li>&lt;Ann&gt;</li>"
    assert (response.status_code, response.headers["Content-Type"]) == (200, HTML)


async def test_page_without_handler_is_served(site: Site) -> None:
    client = await site.start({"app/about/html.jinja": "{{ 6 * 7 }}", "app/html.template": "root"})

    assert (await client.http("GET /about")).content == "42"
    assert (await client.http("GET /")).content == "root"


async def test_ajax_page_is_nearer_than_html(site: Site) -> None:
    client = await site.start(
        {
            "app/html.template": "page",
            "app/a.ajax/get.py": f"{GET}return {{}}",
            "app/a.ajax/ajax.template": "fragment",
            "app/a.ajax/html.template": "other",
            "app/b.ajax/get.py": f"{GET}return {{}}",
            "app/b.ajax/html.template": "own",
            "app/c.ajax/get.py": f"{GET}return {{}}",
            "app/d.ajax/ajax.jinja": "alone",
        }
    )

    assert (await client.http("GET /a.ajax")).content == "fragment"
    assert (await client.http("GET /b.ajax")).content == "own"
    assert (await client.http("GET /c.ajax")).content == "page"
    assert (await client.http("GET /d.ajax")).content == "alone"


async def test_logged_user_sees_the_templates_of_the_groups(site: Site) -> None:
    guest = await site.start(
        {
            "app/html.template": "@[menu]@",
            "app/menu.template": "guest",
            "app/menu.everyone.template": "everyone",
            "app/menu.editors.jinja": "editors",
            "app/a/html.everyone.template": "page",
        },
        users=Accounts,
    )
    ann = guest.as_user(Account("ann"))
    bob = guest.as_user(Account("bob", ("editors",)))

    pages = [(await each.http("GET /")).content for each in (guest, ann, bob)]
    assert pages == ["guest", "everyone", "editors"]
    pages = [(await each.http("GET /a")).content for each in (guest, ann, bob)]
    assert pages == ["guest", "page", "page"]


async def test_status_of_handler_is_kept(site: Site) -> None:
    client = await site.start(
        {"app/html.template": "@x@", "app/get.py": f"{GET}return {{'x': 1}}, 201"}
    )

    response = await client.http("GET /")

    assert (response.status_code, response.content) == (201, "1")


async def test_handler_without_data_and_template_sends_nothing(site: Site) -> None:
    client = await site.start({"app/get.py": f"{GET}return None"})

    assert (await client.http("GET /")).status_code == 204


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"app/get.py": f"{GET}return {{}}"}, "no template was found for it; write html.template"),
        (
            {"app/get.py": f"{GET}return [1]", "app/html.template": ""},
            "GET / returned list; return a text, or a mapping for a template",
        ),
    ],
    ids=["without a template", "a list"],
)
async def test_data_that_is_not_a_page_is_error(
    site: Site, files: dict[str, str], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(files)

    assert (await client.http("GET /")).status_code == 500
    assert text in caplog.text


async def test_template_error_is_logged_with_its_line_and_not_sent(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(
        {"app/html.template": "\n@titel@", "app/get.py": f"{GET}return {{'title': 'hidden'}}"}
    )

    response = await client.http("GET /")

    assert response.status_code == 500
    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}
    path = site.root / "app" / "html.template"
    assert f"{path}:2: @titel@: 'titel' is not in the data; did you mean 'title'?" in caplog.text


async def test_template_error_is_one_line_of_the_log_with_the_traceback_at_debug(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start({"app/html.template": "@a@", "app/get.py": f"{GET}return {{}}"})

    with caplog.at_level(logging.DEBUG):
        await client.http("GET /")

    failures = [each for each in caplog.records if "failed" in each.getMessage()]
    assert [each.levelname for each in failures] == ["ERROR", "DEBUG"]
    assert failures[0].exc_info is None
    assert "HTTP GET / failed: " in failures[0].getMessage()
    assert "html.template:1: @a@: 'a' is not in the data" in failures[0].getMessage()
    assert failures[1].exc_info is not None


async def test_failure_of_the_code_of_a_value_has_a_traceback(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    handler = """
        class City:
            @property
            def name(self):
                return 1 // 0

        async def get(client):
            return {"city": City()}
        """
    client = await site.start({"app/html.template": "@city.name@", "app/get.py": handler})

    await client.http("GET /")

    [failure] = [each for each in caplog.records if "failed" in each.getMessage()]
    assert failure.levelname == "ERROR"
    assert "return 1 // 0" in caplog.text
    assert "html.template:1: ZeroDivisionError" in caplog.text


async def test_mistakes_of_all_templates_fail_the_boot(site: Site) -> None:
    problems = await site.problems(
        {
            "app/html.template": "\n@[mneu]@",
            "app/menu.template": "x",
            "app/a/b.jinja": "{% if x %}",
            "app/a.b.c.template": "",
            "app/c.template": b"\n\xff",
            "app/d.template": "",
            "app/d.jinja": "",
        }
    )

    app = site.root / "app"
    assert f"{app / 'html.template'}:2: template 'mneu' is neither" in problems
    assert "did you mean 'menu'?" in problems
    assert f"{app / 'a' / 'b.jinja'}:1: Unexpected end of template" in problems
    assert "a.b.c.template: the name of a template must be name.template" in problems
    assert "c.template: is not UTF-8 in line 2" in problems
    assert "has the same name; remove one of the two" in problems


async def test_changed_template_is_served_after_reload(site: Site) -> None:
    client = await site.start(
        {
            "app/get.py": f"{GET}return {{}}",
            "app/html.template": "a@[part]@",
            "app/part.template": "b",
            "app/other.template": "",
        }
    )
    assert (await client.http("GET /")).content == "ab"
    before = site.tree.templates

    await site.change({"app/part.template": "c"})

    assert (await site.client.http("GET /")).content == "ac"
    assert site.tree.templates is not before


async def test_mistake_at_reload_keeps_the_old_templates(site: Site) -> None:
    await site.start({"app/get.py": f"{GET}return {{}}", "app/html.template": "a"})

    with pytest.raises(ConfigurationError, match=r"html\.template:1: template 'x' is neither"):
        await site.change({"app/html.template": "b@[x]@"})

    assert (await site.client.http("GET /")).content == "a"


ERRORS = {
    "app/get.py": f"{GET}client.error(404, '<nothing>')",
    "app/error.template": "<h1>@title@</h1>@message@ @status@",
    "app/a.json/get.py": f"{GET}client.error(404)",
    "app/b/get.py": f"{GET}raise KeyError('hidden')",
    "app/b/error.jinja": "b {{ title }} {{ message }}",
    "app/c/get.py": f"{GET}client.error(402)",
    "app/c/error.template": "@unknown@",
    "app/d/get.py": f"{GET}client.error(599)",
}


async def test_error_template_is_the_page_of_errors(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(ERRORS)

    response = await client.http("GET /")
    assert response.content == "<h1>404 Not Found</h1>&lt;nothing&gt; 404"
    assert (response.status_code, response.headers["Content-Type"]) == (404, HTML)

    response = await client.http("GET /b")
    assert response.content == "b 500 Internal Server Error Internal Server Error"
    assert caplog.text.count("KeyError: 'hidden'") == 1

    assert "<h1>599 Error</h1>" in str((await client.http("GET /d")).content)


async def test_error_template_is_for_clients_that_accept_html(site: Site) -> None:
    client = await site.start(ERRORS)

    response = await client.http("GET /", headers={"Accept": "application/json"})
    assert response.content == {"statusCode": 404, "message": "<nothing>"}

    response = await client.http("GET /a.json", headers={"Accept": "text/html"})
    assert response.content == {"statusCode": 404, "message": "Not Found"}


@pytest.mark.parametrize(
    ("accept", "is_of_directory", "is_of_path"),
    [
        (None, True, False),
        ("*/*", True, False),
        ("text/html", True, True),
        ("text/*", True, False),
        ("text/html;q=0, application/json", False, False),
        ("text/html;q=0, */*", False, False),
        ("application/xhtml+xml,text/html;q=0.9", True, True),
    ],
)
@pytest.mark.parametrize("name", [".404.html", "error.template"])
async def test_error_page_of_any_kind_is_for_the_same_clients(
    site: Site, name: str, accept: str | None, is_of_directory: bool, is_of_path: bool
) -> None:
    files = {f"app/{name}": "PAGE", "app/b/get.py": "async def get(c): c.error(404)"}
    headers = {} if accept is None else {"Accept": accept}
    async with site.served(files) as session:
        for path, is_page in (("/b/", is_of_directory), ("/none", is_of_path)):
            request = session.get(path, headers=headers, skip_auto_headers=["Accept"])
            async with request as response:
                assert response.status == 404
                assert (await response.text() == "PAGE") is is_page
                assert not is_page or response.headers["Vary"].startswith("Accept")


async def test_errors_of_other_routes_have_no_template(site: Site) -> None:
    client = await site.start(ERRORS, controllers=[Failing])

    response = await client.http("failing", headers={"Accept": "text/html"})

    assert response.content == {"statusCode": 404, "message": "Not Found"}


async def test_error_template_that_fails_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(ERRORS)

    with caplog.at_level(logging.ERROR):
        response = await client.http("GET /c")

    assert response.content == {"statusCode": 402, "message": "Payment Required"}
    assert "error.template:1: @unknown@: 'unknown' is not in the data" in caplog.text


async def test_unknown_path_and_file_have_the_error_template(site: Site) -> None:
    async with site.served(ERRORS) as session:
        accept = {"Accept": "text/html,*/*;q=0.1"}
        async with session.get("/b/missing.png", headers=accept) as response:
            assert (response.status, await response.text()) == (404, "b 404 Not Found Not Found")
        async with session.get("/missing", headers=accept) as response:
            assert (await response.text()).startswith("<h1>404 Not Found</h1>")
        async with session.post("/missing", headers=accept) as response:
            assert (await response.text()).startswith("<h1>404 Not Found</h1>")
        async with session.get("/missing.png") as response:
            assert await response.json() == {"statusCode": 404, "message": "Not Found"}
        async with session.get("/html.template", headers=accept) as response:
            assert response.status == 404
