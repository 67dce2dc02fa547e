"""The documentation page in a browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Page, expect

from rxkernel import Application
from tests.browser.docs_windows import OpenDocs
from tests.browser.documented import documented
from tests.browser.documents import HOSTILE, asyncapi, openapi
from tests.required_tools import ROOT
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def application() -> AsyncIterator[Application]:
    async with serving(documented()) as application:
        yield application


async def send(page: Page) -> None:
    await page.get_by_role("button", name="Send").click()


def shown_response(page: Page) -> Locator:
    return page.get_by_role("region", name="Response")


async def test_list_groups_and_searches_operations(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application)
    rows = page.get_by_role("navigation").get_by_role("listitem")
    await expect(page.get_by_text("13 operations")).to_be_visible()
    await expect(rows.filter(has_text="thing_create").first).to_contain_text("POSTSOCKET")

    await page.keyboard.press("/")
    await page.keyboard.type("PHOTO post")

    await expect(rows.filter(visible=True)).to_have_text(["photo_uploadPOSTdeprecated"])
    await expect(page.get_by_text("1 of 13 operations")).to_be_visible()


async def test_link_to_operation_and_tab_shows_them(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_create/socket")
    await expect(page.get_by_role("heading", name="thing_create")).to_be_visible()
    await expect(page.get_by_role("tab", name="Socket.IO")).to_have_attribute(
        "aria-selected", "true"
    )
    await expect(page).to_have_title("thing_create · Things")

    await page.get_by_role("link", name="/rooms/{room}:say").click()
    await expect(page.get_by_role("heading", name="/rooms/{room}:say")).to_be_focused()
    assert page.url.endswith("#%2Frooms%2F%7Broom%7D%3Asay")
    await page.go_back()
    await expect(page.get_by_role("heading", name="thing_create")).to_be_visible()


async def test_link_to_unknown_operation_reports_it(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#__proto__")
    await expect(page.get_by_role("alert")).to_have_text("There is no operation __proto__.")


async def test_operation_shows_parameters_schemas_and_access(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_show")
    article = page.get_by_role("article")
    await expect(article).to_contain_text("Access: roles: admin; needs bearer (admin) or key")
    await expect(article).to_contain_text("idpathrequiredintegerat least 1")
    await expect(article).to_contain_text("tagquerylist of string")
    await expect(article.locator(".prose code").first).to_have_text("tag")

    await article.get_by_text("200 The thing.").click()
    await expect(article).to_contain_text("titlerequiredstringminimum length 1")
    await expect(article).to_contain_text("at most 9223372036854775807")
    await expect(article).to_contain_text('default "small"one of "small", "large"')
    await expect(article).to_contain_text("Owner or null")
    await article.get_by_text("parts: list of Thing").click()
    await expect(article.get_by_text("parts: list of Thing")).to_have_count(2)


async def test_deprecated_operation_is_marked(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#photo_upload")
    await expect(page.get_by_text("This operation is deprecated.")).to_be_visible()


async def test_http_form_sends_path_query_and_header(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_show")
    form = page.get_by_role("form", name="Send thing_show")
    await form.get_by_label("id").fill("7")
    await form.get_by_label("tag").fill("a & b\nc")
    await form.get_by_label("X-Trace").fill("it's")
    await form.get_by_label("Origin").fill("http://example.org")
    await form.get_by_label("theme").fill("dark")
    await send(page)

    response = shown_response(page)
    await expect(response.get_by_role("status")).to_contain_text("200 OK")
    await expect(response).to_contain_text('"a & b"')
    await expect(response).to_contain_text('"trace": "it\'s"')
    await expect(response).to_contain_text("does not send: Origin, Cookie theme.")
    await response.get_by_text("curl command").click()
    await expect(response).to_contain_text(
        "/things/7?tag=a+%26+b&tag=c' --header 'X-Trace: it'\\''s'"
    )
    await response.get_by_text("Headers", exact=True).click()
    await expect(response.get_by_role("row", name="content-type")).to_contain_text("json")


async def test_http_form_reports_error_of_server_and_of_json(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_create")
    body = page.get_by_label("application/json")
    await body.fill("{title: 1}")
    await send(page)
    await expect(page.get_by_role("alert")).to_contain_text("application/json is not JSON")

    await body.fill('{"title": "Milk", "number": 9007199254740993}')
    await send(page)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(shown_response(page).get_by_role("status")).to_contain_text("201 Created")

    await page.get_by_role("link", name="thing_show").click()
    await page.get_by_role("form").get_by_label("id").fill("x")
    await send(page)
    await expect(shown_response(page).get_by_role("status")).to_contain_text("404 Not Found")
    await expect(shown_response(page)).to_contain_text('"message"')
    await page.get_by_role("form").get_by_label("id").fill("..")
    await send(page)
    await expect(page.get_by_role("alert")).to_contain_text("a browser cannot send . or ..")


async def test_http_form_sends_files(application: Application, open_docs: OpenDocs) -> None:
    page = await open_docs(application, "#photo_upload")
    form = page.get_by_role("form", name="Send photo_upload")
    await form.get_by_label("name").fill("sea")
    photo = FilePayload(name="sea.jpg", mimeType="image/jpeg", buffer=b"12345")
    await form.get_by_label("photo").set_input_files(photo)
    await send(page)

    await expect(shown_response(page)).to_contain_text('"file": "sea.jpg"')
    await expect(shown_response(page)).to_contain_text('"size": 5')
    await page.get_by_text("curl command").click()
    await expect(shown_response(page)).to_contain_text("--form 'photo=@\"sea.jpg\"'")


async def test_http_response_of_stream_bytes_and_large_number_is_shown(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#tick_stream")
    await send(page)
    await expect(shown_response(page)).to_contain_text("data: tick 3")

    await page.get_by_role("link", name="bytes_show").click()
    await send(page)
    await expect(shown_response(page)).to_contain_text("6 bytes of application/octet-stream")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Save the body").click()
    assert (await (await downloading.value).path()).read_bytes() == bytes(range(6))

    await page.get_by_role("link", name="large_show").click()
    await send(page)
    await expect(shown_response(page)).to_contain_text("9007199254740993")


async def test_http_form_sends_urlencoded_form(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_create")
    await page.get_by_label("Content type").select_option("application/x-www-form-urlencoded")
    await page.get_by_role("form", name="Send").get_by_label("title").fill("Grüße & more")
    await send(page)

    await expect(shown_response(page)).to_contain_text('"title": "Grüße & more"')


async def test_view_shown_again_keeps_its_values_and_response(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_create")
    await page.get_by_label("application/json").fill('{"title": "kept"}')
    await send(page)
    await expect(shown_response(page)).to_contain_text('"title": "kept"')
    await page.get_by_role("link", name="thing_show").click()
    await expect(page.get_by_role("heading", name="thing_show")).to_be_visible()

    await page.get_by_role("link", name="thing_create POST SOCKET").click()

    await expect(page.get_by_label("application/json")).to_have_value('{"title": "kept"}')
    await expect(shown_response(page)).to_contain_text('"title": "kept"')


async def test_http_response_that_breaks_off_is_reported(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#broken_show")
    await send(page)
    await expect(shown_response(page).get_by_role("status")).to_have_text(
        "200 OK, failed: the response broke off"
    )


async def test_http_response_that_never_ends_is_shown_and_stopped(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#endless_show")
    await send(page)
    await expect(page.get_by_label("Response body")).to_have_text("the beginning")

    await page.get_by_role("button", name="Stop").click()

    await expect(shown_response(page).get_by_role("status")).to_have_text("200 OK, stopped")
    await expect(page.get_by_label("Response body")).to_have_text("the beginning")
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden()


async def test_credentials_are_sent_over_http_and_with_handshake(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_show")
    await page.get_by_role("button", name="Credentials").click()
    dialog = page.get_by_role("dialog", name="Credentials")
    await dialog.get_by_role("group", name="bearer").get_by_label("Token").fill("open")
    await dialog.get_by_role("group", name="key").get_by_label("Value").fill("k3y")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Credentials (2)")).to_be_visible()

    await send(page)
    await expect(shown_response(page)).to_contain_text('"user": "Bearer open"')
    await expect(shown_response(page)).to_contain_text('"key": "k3y"')

    await page.get_by_role("link", name="/rooms/{room}:say").click()
    await page.get_by_role("form", name="Emit say").get_by_label("room").fill("tea")
    await page.get_by_role("button", name="Emit").click()
    await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("200 in")
    await expect(page.get_by_text("Connected to /rooms/tea", exact=True)).to_be_visible()


async def test_console_rejected_connection_shows_error_body(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application)
    console = page.get_by_role("region", name="Socket console")
    await console.get_by_label("Namespace", exact=True).select_option("/rooms/{room}")
    await console.get_by_label("room").fill("tea")
    await console.get_by_role("button", name="Connect").click()

    await expect(console.get_by_role("alert")).to_have_text(
        "Not connected: no room without a token"
    )
    await expect(console.get_by_role("log")).to_contain_text('"code":"no_token"')
    await expect(console.get_by_role("status")).to_have_text("Not connected")


async def test_console_shows_acknowledgement_and_pushed_events_of_both_transports(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#thing_create/socket")
    log = page.get_by_role("log").get_by_role("listitem")
    await page.get_by_label("Body (JSON)").fill('{"title": "by socket"}')
    await page.get_by_role("button", name="Emit").click()
    await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("201 in")
    await expect(log.filter(has_text="pushed")).to_contain_text('{"id":1,"title":"by socket"}')

    await page.get_by_role("tab", name="HTTP").click()
    await page.get_by_label("application/json").fill('{"title": "by HTTP"}')
    await send(page)
    await expect(log.filter(has_text="pushed").last).to_contain_text('"by HTTP"')

    await page.get_by_role("button", name="Disconnect /").click()
    await expect(log.last).to_contain_text("Closed: disconnected. Connect again to go on.")


async def test_console_sends_and_saves_binary_data(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#echo")
    await page.get_by_label("Body (JSON)").fill("")
    await page.get_by_text("Binary data").click()
    data = FilePayload(name="six.bin", mimeType="", buffer=bytes(range(6)))
    await page.get_by_label("Attach files").set_input_files(data)
    await expect(page.get_by_label("Body (JSON)")).to_have_value('{"$binary":"six.bin"}')
    await page.get_by_role("button", name="Emit").click()

    acknowledgement = page.get_by_role("region", name="Acknowledgement")
    await expect(acknowledgement).to_contain_text("6 bytes: 00 01 02 03 04 05")
    async with page.expect_download() as downloading:
        await acknowledgement.get_by_role("link", name="Save binary 1").click()
    assert (await (await downloading.value).path()).read_bytes() == bytes(range(6))


async def test_console_call_of_server_is_acknowledged_by_the_user(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application, "#ask")
    await page.get_by_role("button", name="Emit").click()
    await page.get_by_label("The server waits for an acknowledgement").fill('"yes"')
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text(
        '"content": "yes"'
    )


async def test_page_with_hostile_names_shows_them_as_text(open_docs: OpenDocs) -> None:
    """Names, descriptions and values of the documents are never interpreted as markup."""
    http, sockets = openapi(), asyncapi()
    show = http["paths"]["/things/{id}"]["get"]
    http["info"].update(title=HOSTILE, description=HOSTILE)
    show.update(operationId=HOSTILE, summary=HOSTILE, description=HOSTILE, tags=[HOSTILE])
    show["parameters"].append(
        {"name": HOSTILE, "in": "query", "required": True, "schema": {"default": HOSTILE}}
    )
    show["responses"]["404"]["description"] = HOSTILE
    http["components"]["schemas"]["Thing"]["properties"][HOSTILE] = {"const": HOSTILE}
    http["components"]["schemas"]["Thing"]["properties"]["__proto__"] = {"type": "string"}
    http["components"]["securitySchemes"][HOSTILE] = {"type": "http", "scheme": "bearer"}
    sockets["channels"]["main"]["messages"]["ask"].update(name=HOSTILE, summary=HOSTILE)
    sockets["channels"]["rooms"].update(address=f"/{HOSTILE}", parameters={HOSTILE: {}})
    async with serving(documented(documents=(http, sockets))) as application:
        page = await open_docs(application)

        await expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        await page.get_by_role("link", name=HOSTILE).click()
        await expect(page.get_by_role("heading", name=HOSTILE, level=2)).to_have_count(2)
        await page.get_by_text(f"404 {HOSTILE}").click()
        await page.get_by_text("200 The thing.").click()
        await expect(page.get_by_text("__proto__", exact=True)).to_be_visible()
        await send(page)
        await expect(shown_response(page).get_by_role("status")).to_contain_text("200 OK")
        await page.get_by_role("link", name="ask").click()
        await page.get_by_role("button", name="Emit").click()
        await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("404 in")
        await expect(page.locator("body img, body script")).to_have_count(0)
        assert await page.title() != "broken"


async def test_page_below_prefix_and_own_path_of_sockets_sends_requests_and_events(
    open_docs: OpenDocs,
) -> None:
    async with serving(documented(prefix="/api/v1", path="/live")) as application:
        page = await open_docs(application, "#thing_create")
        await send(page)
        await expect(shown_response(page).get_by_role("status")).to_contain_text("201 Created")
        await expect(shown_response(page)).to_contain_text("/api/v1/things")
        await page.get_by_role("tab", name="Socket.IO").click()
        await page.get_by_role("button", name="Emit").click()
        await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("201 in")


async def test_page_without_documents_reports_status(open_docs: OpenDocs) -> None:
    async with serving(documented(documents=(None, asyncapi()))) as application:
        page = await open_docs(application)
        await expect(page.get_by_role("alert")).to_have_text(
            "/openapi.json cannot be loaded: status 404"
        )


async def test_page_with_keyboard_only_emits_an_event(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application)
    await page.keyboard.press("/")
    await page.keyboard.type("thing_create")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="thing_create")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("tab", name="HTTP")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Socket.IO")).to_be_focused()
    await expect(page.get_by_label("Body (JSON)")).to_be_visible()

    await page.get_by_role("button", name="Emit").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("201 in")
    await page.get_by_role("log").get_by_text('{"id":1,"title":"text"}').focus()


AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_has_no_accessibility_violation(
    application: Application, open_docs: OpenDocs, scheme: str, node: Path
) -> None:
    """All rules of axe-core, on each kind of view, wide and narrow."""
    page = await open_docs(application, color_scheme=scheme, bypass_csp=True)
    await page.add_script_tag(path=AXE)

    await check_accessibility(page)
    await page.get_by_role("link", name="thing_show").click()
    await page.get_by_text("200 The thing.").click()
    await send(page)
    await expect(shown_response(page).get_by_role("status")).to_contain_text("200 OK")
    await page.get_by_text("curl command").click()
    await page.get_by_text("Headers", exact=True).click()
    await check_accessibility(page)
    await page.get_by_role("link", name="thing_create POST SOCKET").click()
    await page.get_by_role("tab", name="Socket.IO").click()
    await page.get_by_role("button", name="Emit").click()
    await expect(page.get_by_role("region", name="Acknowledgement")).to_contain_text("201 in")
    await page.get_by_role("log").get_by_text("statusCode").click()
    await check_accessibility(page)
    await page.get_by_role("button", name="Credentials").click()
    await check_accessibility(page)
    await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 360, "height": 800})
    await check_accessibility(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def check_accessibility(page: Page) -> None:
    found = await page.evaluate(
        """async () => (await axe.run()).violations.map(({ id, nodes }) =>
            `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`)"""
    )
    assert found == []
