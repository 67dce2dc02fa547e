"""Responses that take longer than the limit of their rule, or of the site."""

import logging
from typing import Any

import pytest

from bundles.web import WebSettings
from tests.bundles.web.conftest import Site

FILES = {
    "config/routes.py": """
routes = [
    {"url": "/old/(.*)", "rewrite": "/page.json?q=[1]", "slow_time": 1e-9},
    {"url": "/own.json", "slow_time": 1e-9},
    {"url": "/quick", "rewrite": "/page.json", "slow_time": 3600},
    {"url": "/first", "rewrite": "/old/first"},
]
""",
    "app/page.json/get.py": "async def get(client): return 1",
    "app/own.json/get.py": "async def get(client): return 1",
    "app/failing.json/get.py": "async def get(client): client.error(409)",
}


def slow(caplog: pytest.LogCaptureFixture) -> list[tuple[Any, ...]]:
    records = [record for record in caplog.records if record.name == "rxkernel.slow"]
    return [(vars(r)["path"], vars(r)["rule"], vars(r)["route"]) for r in records]


async def test_response_that_takes_longer_than_its_rule_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(FILES)

    response = await client.http("GET /old/a%20b", params={"token": "x"})
    for name in ("GET /own.json", "GET /quick", "GET /page.json", "GET /first"):
        assert (await client.http(name)).status_code == 200

    assert slow(caplog) == [
        ("/old/a%20b", "/old/(.*)", "GET /page.json"),
        ("/own.json", "/own.json", "GET /own.json"),
        ("/first", "/old/(.*)", "GET /page.json"),
    ]
    first = caplog.records[0]
    assert first.levelno == logging.WARNING
    assert first.getMessage().startswith("GET /old/a%20b took 0.")
    assert "more than 1e-09 s, rule /old/(.*) (" in first.getMessage()
    assert "config/routes.py:3)" in first.getMessage()
    assert vars(first)["request_id"] == response.headers["X-Request-ID"]
    assert "token" not in first.getMessage()


async def test_limit_of_the_site_applies_to_messages_without_a_rule(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.served(FILES, options={"web.slow_time": 1e-8}) as session:
        for path in ("/page.json", "/quick", "/old/a", "/failing.json", "/missing"):
            async with session.get(path) as response:
                await response.read()

    assert slow(caplog) == [
        ("/page.json", None, "GET /page.json"),
        ("/old/a", "/old/(.*)", "GET /page.json"),
        ("/failing.json", None, "GET /failing.json"),
        ("/missing", None, "web_files"),
    ]


async def test_nothing_listens_without_a_limit_also_after_a_reload(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start(FILES)
    quick = FILES["config/routes.py"].replace(', "slow_time": 1e-9', "")

    await site.change({"config/routes.py": quick.replace(', "slow_time": 3600', "")})
    await client.http("GET /old/a")
    assert slow(caplog) == []

    await site.change({"config/routes.py": FILES["config/routes.py"]})
    await client.http("GET /old/a")
    assert slow(caplog) == [("/old/a", "/old/(.*)", "GET /page.json")]


@pytest.mark.parametrize("value", [0, -1, "1s", float("inf"), True])
def test_invalid_limit_of_the_site_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="slow_time must be seconds, more than 0, or none"):
        WebSettings(slow_time=value)
