"""The page, its data, and what happens around them."""

import json

from bundles.autoload import db
from rxkernel import Application, KernelClient

ADA = {"name": "Ada", "text": "The first one"}
BOB = {"name": "Bob", "text": "<b>Hello</b>"}


async def test_page_shows_the_message_of_the_setup_script(client: KernelClient) -> None:
    response = await client.http("GET /")

    assert response.status_code == 200
    assert "<b>Ada</b> The first one" in response.content


async def test_message_is_stored_and_escaped_in_the_page(client: KernelClient) -> None:
    sent = await client.http("POST /messages.json", body=BOB)
    stored = await client.http("GET /messages.json")
    page = await client.http("GET /")

    assert (sent.status_code, json.loads(stored.content)) == (201, [ADA, BOB])
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page.content


async def test_session_keeps_the_name(client: KernelClient) -> None:
    await client.http("POST /messages.json", body=BOB)

    response = await client.http("GET /")

    assert 'value="Bob"' in response.content


async def test_message_without_a_text_is_422(client: KernelClient) -> None:
    response = await client.http("POST /messages.json", body={"name": "Bob", "text": ""})

    assert response.status_code == 422


async def test_statistics_are_refused_to_other_machines(client: KernelClient) -> None:
    """Its access.py; tests have no address."""
    response = await client.http("GET /statistics.json")

    assert response.status_code in (401, 403)


async def test_rule_rewrites_the_path(client: KernelClient) -> None:
    """Its config/routes.py."""
    response = await client.http("GET /messages")

    assert json.loads(response.content) == [ADA]


async def test_handler_of_init_is_served(client: KernelClient) -> None:
    response = await client.http("GET /version.json")

    assert json.loads(response.content) == {"version": "0.1.0"}


async def test_setup_script_runs_once(site: Application) -> None:
    """So a message that was removed is not written again by the next start."""
    async with site:
        db.messages.execute("delete from messages")

    async with KernelClient(site) as client:
        stored = await client.http("GET /messages.json")

    assert json.loads(stored.content) == []
