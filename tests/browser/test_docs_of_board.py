"""The documentation page of the sample application, as a newcomer uses it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from rxkernel import Application
from tests.app.board import board_of
from tests.browser.docs_windows import OpenDocs
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def board(tmp_path: Path) -> AsyncIterator[Application]:
    async with serving(board_of(tmp_path)) as application:
        yield application


async def open_operation(page: Page, name: str) -> None:
    await page.get_by_role("searchbox").fill(name)
    await page.get_by_role("link", name=re.compile(f"^{name} ")).click()


async def send_json(page: Page, body: str) -> None:
    await page.get_by_label("application/json").fill(body)
    await page.get_by_role("button", name="Send").click()


async def test_newcomer_adds_tasks_over_both_transports_and_sees_pushed_events(
    board: Application, open_docs: OpenDocs
) -> None:
    here, there = await open_docs(board), await open_docs(board)
    pushed = [page.get_by_role("log").get_by_role("listitem") for page in (here, there)]
    for page in (here, there):
        await page.bring_to_front()
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_text("Connected to /", exact=True)).to_be_visible()

    await here.bring_to_front()
    await open_operation(here, "task_create")
    await send_json(here, '{"title": "Water the plants"}')
    response = here.get_by_role("region", name="Response")
    await expect(response.get_by_role("status")).to_contain_text("201 Created")
    for lines in pushed:
        await expect(lines.last).to_contain_text("task_created")
        await expect(lines.last).to_contain_text('"title": "Water the plants"')

    await here.get_by_role("tab", name="Socket.IO").click()
    await here.get_by_label("Body (JSON)").fill('{"title": "Feed the cat"}')
    await here.get_by_role("button", name="Emit").click()
    acknowledgement = here.get_by_role("region", name="Acknowledgement")
    await expect(acknowledgement.get_by_role("status")).to_contain_text("201 in")
    await expect(acknowledgement).to_contain_text('"title": "Feed the cat"')
    await expect(pushed[1].last).to_contain_text('"title": "Feed the cat"')


async def test_example_password_of_sign_up_equals_that_of_login(
    board: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(board)
    status = page.get_by_role("region", name="Response").get_by_role("status")
    for name, expected in (("account_create", "201 Created"), ("security_login", "200 OK")):
        await open_operation(page, name)
        await page.get_by_role("button", name="Send").click()
        await expect(status).to_contain_text(expected)


async def test_newcomer_signs_up_and_uses_the_token_over_both_transports(
    board: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(board)
    account = '{"username": "ada", "password": "correct horse"}'
    await open_operation(page, "account_create")
    await send_json(page, account)
    status = page.get_by_role("region", name="Response").get_by_role("status")
    await expect(status).to_contain_text("201 Created")
    await page.context.clear_cookies()

    await open_operation(page, "task_create_private")
    await send_json(page, '{"title": "Buy a present"}')
    await expect(status).to_contain_text("401 Unauthorized")

    await open_operation(page, "security_login")
    await send_json(page, account)
    await page.get_by_role("button", name="Use this token").click()
    await open_operation(page, "task_create_private")
    await send_json(page, '{"title": "Buy a present"}')
    await expect(status).to_contain_text("201 Created")

    await page.get_by_role("tab", name="Socket.IO").click()
    await page.get_by_role("button", name="Emit").click()
    acknowledgement = page.get_by_role("region", name="Acknowledgement")
    await expect(acknowledgement).to_contain_text('"owner": "ada"')


async def test_each_operation_of_the_board_is_shown(
    board: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(board)
    links = page.get_by_role("navigation").get_by_role("link")
    assert await links.count() >= 15
    for link in await links.all():
        await link.click()
        title = await link.locator(".name").inner_text()
        await expect(page.get_by_role("article").get_by_role("heading", level=2)).to_have_text(
            title
        )
        for tab in await page.get_by_role("tab").all():
            await tab.click()
            await expect(page.get_by_role("tabpanel")).to_be_visible()
