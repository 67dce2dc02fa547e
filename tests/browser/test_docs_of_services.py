"""The documentation page with services of the bundle realtime, whose events have no envelope."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from rxkernel import Application
from tests.browser.docs_windows import OpenDocs
from tests.bundles.apidocs.services import create_services
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def services() -> AsyncIterator[Application]:
    async with serving(create_services()) as application:
        yield application


async def emit(page: Page, argument: str | None = None) -> Locator:
    """Emit the event of the page, and return its acknowledgement."""
    if argument is not None:
        await page.get_by_label("Argument (JSON)").fill(argument)
    await page.get_by_role("button", name="Emit").click()
    return page.get_by_role("region", name="Acknowledgement")


async def test_console_emits_event_of_service_and_shows_acknowledgement(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#join_room")
    log = page.get_by_role("log").get_by_role("listitem")
    await expect(page.get_by_role("article")).to_contain_text("roomrequiredstring")

    acknowledgement = await emit(page, '{"room": "tea"}')

    await expect(acknowledgement.get_by_role("status")).to_contain_text("acknowledged in")
    await expect(acknowledgement.get_by_role("status")).to_have_attribute("data-kind", "success")
    await expect(acknowledgement).to_contain_text('"room": "tea"')
    await expect(log.filter(has_text="joined")).to_contain_text('"tea"')


async def test_console_shows_error_of_service_with_its_status(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#join_room")

    acknowledgement = await emit(page, '{"room": ""}')

    await expect(acknowledgement.get_by_role("status")).to_contain_text("400 in")
    await expect(acknowledgement.get_by_role("status")).to_have_attribute("data-kind", "error")
    await expect(acknowledgement).to_contain_text('"type": "IOServerError"')
    await expect(acknowledgement).to_contain_text("a room has a name")


async def test_console_sends_fields_with_names_of_an_envelope_unchanged(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#wrap")

    acknowledgement = await emit(page, '{"params": [7], "body": ["x"]}')

    await expect(acknowledgement.get_by_role("status")).to_contain_text("acknowledged in")
    await expect(acknowledgement.locator("pre")).to_have_text('[ [ 7 ], [ "x" ] ]')


async def test_console_shows_value_with_a_status_code_as_content(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#echo")

    acknowledgement = await emit(page, '{"statusCode": 7}')

    await expect(acknowledgement.get_by_role("status")).to_contain_text("acknowledged in")
    await expect(acknowledgement).to_contain_text('"statusCode": 7')


async def test_console_emits_event_without_argument(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#leave")
    await expect(page.get_by_label("Argument (JSON)")).to_have_count(0)

    acknowledgement = await emit(page)

    await expect(acknowledgement.get_by_role("status")).to_contain_text("acknowledged in")
    await expect(acknowledgement).to_contain_text("null")


async def test_form_of_any_event_asks_for_its_name(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#_")
    await page.get_by_role("form", name="Emit").get_by_label("event").fill("shout")

    acknowledgement = await emit(page)

    await expect(acknowledgement).to_contain_text("shout is unknown")


async def test_console_keeps_envelope_of_events_of_controllers(
    services: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(services, "#count")
    await page.get_by_role("form", name="Emit").get_by_label("start").fill("3")

    acknowledgement = await emit(page)

    await expect(acknowledgement.get_by_role("status")).to_contain_text("200 in")
    await expect(acknowledgement).to_contain_text('"content": 4')
