"""One result in the form of each extension, as clients of a site get it."""

import json
from typing import Any

import pytest

from bundles.web import Extension, WebBundle
from rxkernel import ConfigurationError, Response
from tests.bundles.web.conftest import Site

CITIES = """
    async def get(client):
        return [{"id": 1, "name": "Kyiv"}, {"id": 2, "name": "=Lviv"}]
    """

FORMS = {
    "json": (
        "application/json",
        '[{"id":1,"name":"Kyiv"},{"id":2,"name":"=Lviv"}]',
    ),
    "jsonp": (
        "text/javascript; charset=utf-8",
        '/**/show([{"id":1,"name":"Kyiv"},{"id":2,"name":"=Lviv"}]);',
    ),
    "csv": ("text/csv; charset=utf-8", 'id,name\r\n1,Kyiv\r\n2,"\'=Lviv"\r\n'),
    "xml": (
        "text/xml; charset=utf-8",
        '<?xml version="1.0" encoding="UTF-8"?>\n<result>'
        "<item><id>1</id><name>Kyiv</name></item>"
        "<item><id>2</id><name>=Lviv</name></item></result>",
    ),
}


# T69
async def test_result_has_content_type_and_form_of_each_extension(site: Site) -> None:
    files = {f"app/cities.{extension}/get.py": CITIES for extension in FORMS}
    for page in ("html", "ajax"):
        files[f"app/cities.{page}/get.py"] = 'async def get(client): return "<p>Kyiv</p>"'
    async with site.served(files) as session:
        for extension, (content_type, text) in FORMS.items():
            async with session.get(f"/cities.{extension}?callback=show") as response:
                assert response.status == 200
                assert response.headers.getall("Content-Type") == [content_type]
                assert await response.text() == text
            async with session.head(f"/cities.{extension}?callback=show") as response:
                assert response.headers["Content-Type"] == content_type
                assert response.content_length == len(text)
        for page in ("html", "ajax"):
            async with session.get(f"/cities.{page}") as response:
                assert response.headers["Content-Type"] == "text/html; charset=utf-8"
                assert await response.text() == "<p>Kyiv</p>"


@pytest.mark.parametrize("extension", FORMS)
@pytest.mark.parametrize("data", ["0", "''", "False", "None", "[]", "{}"])
async def test_result_that_is_false_is_200(site: Site, extension: str, data: str) -> None:
    """Impress of 2015 responded with 400."""
    client = await site.start(
        {f"app/x.{extension}/get.py": f"async def get(client): return {data}"}
    )

    response = await client.http(f"GET /x.{extension}")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith(FORMS[extension][0])


async def test_result_with_status_and_headers_keeps_its_form(site: Site) -> None:
    client = await site.start(
        {
            "app/x.jsonp/get.py": """
                async def get(client):
                    client.headers["X-Own"] = "1"
                    client.headers["X-Content-Type-Options"] = "own"
                    return [1], 201
                """
        }
    )

    response = await client.http("GET /x.jsonp")

    assert (response.status_code, response.content) == (201, b"/**/callback([1]);")
    assert response.headers["X-Own"] == "1"
    assert response.headers.getall("X-Content-Type-Options") == ["own"]


async def test_jsonp_over_http_is_not_sniffed_and_checks_its_callback(site: Site) -> None:
    async with site.served({"app/x.jsonp/get.py": "async def get(client): return 1"}) as session:
        async with session.get("/x.jsonp") as response:
            assert response.headers.getall("X-Content-Type-Options") == ["nosniff"]
        async with session.get("/x.jsonp", params={"callback": "alert(1)//"}) as response:
            assert response.status == 400
            assert response.content_type == "application/json"
            assert "alert" in (await response.json())["message"]


@pytest.mark.parametrize("extension", FORMS)
async def test_result_that_cannot_be_written_is_500(
    site: Site, extension: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(
        {f"app/x.{extension}/get.py": "async def get(client): return [object()]"}
    )

    assert (await client.http(f"GET /x.{extension}")).status_code == 500
    assert "cannot be encoded as JSON" in caplog.text


async def test_cycle_over_http_is_null(site: Site) -> None:
    files = {
        "app/x.json/get.py": """
            async def get(client):
                data = {"id": 1}
                data["self"] = data
                return data
            """
    }
    async with site.served(files) as session, session.get("/x.json") as response:
        assert await response.json() == {"id": 1, "self": None}


async def test_own_extension_renders_results(site: Site) -> None:
    async def render(client: Any, data: Any) -> str:
        return f"{client.query.get('q')}: {json.dumps(data)}"

    own = Extension("yaml", "application/yaml", render, {"X-Own": "1"})
    client = await site.start(
        {"app/x.yaml/get.py": "async def get(client): return [1]"},
        bundles=[WebBundle(extensions=[own])],
    )

    response = await client.http("GET /x.yaml", params={"q": "a"})

    assert response.content == "a: [1]"
    assert response.headers["Content-Type"] == "application/yaml"
    assert response.headers["X-Own"] == "1"


async def test_own_extension_replaces_built_in(site: Site) -> None:
    own = Extension("xml", "application/rss+xml", lambda client, data: Response(data, 203))
    client = await site.start(
        {"app/x.xml/get.py": "async def get(client): return '<rss/>'"},
        bundles=[WebBundle(extensions=[own])],
    )

    response = await client.http("GET /x.xml")

    assert (response.status_code, response.content) == (203, "<rss/>")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([Extension("a", "a/b", str), Extension("a", "a/b", str)], "two extensions 'a'"),
        (["yaml"], "has 'yaml'; write Extension"),
    ],
    ids=["twice", "text"],
)
def test_own_extensions_that_are_invalid_are_reported(own: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        WebBundle(extensions=own)


async def test_unknown_extension_of_directory_is_reported_with_the_nearest(site: Site) -> None:
    problems = await site.problems(
        {
            "app/x.jsn/get.py": "async def get(client): return 1",
            "app/x.qqqq/get.py": "async def get(client): return 1",
        }
    )

    assert "app/x.jsn/get.py: the extension 'jsn' is not known; did you mean 'json'?" in problems
    assert "html, ajax, json, jsonp, xml, csv" in problems
