"""An application with the bundle, over both transports."""

from rxkernel import Application, Settings, http, websocket
from rxkernel.pytest_plugin import ClientOf

from __folder__ import PlaceholderBundle, PlaceholderSettings


class Hello:
    @http("GET", "/hello", "hello")
    @websocket("hello")
    async def hello(self) -> str:
        return "hello"


async def test_header_is_on_responses_of_both_transports(client_of: ClientOf) -> None:
    client = client_of(Hello, bundles=[PlaceholderBundle])

    for response in (await client.http("hello"), await client.websocket("hello")):
        assert response.content == "hello"
        assert response.headers["X-Placeholder"] == "__bundle__"


async def test_settings_change_header(client_of: ClientOf) -> None:
    settings = Settings(bundles={"__bundle__": PlaceholderSettings(header="X-Other", text="1")})
    client = client_of(Hello, bundles=[PlaceholderBundle], settings=settings)

    assert (await client.http("hello")).headers["X-Other"] == "1"


async def test_installed_bundle_is_found_by_name(client_of: ClientOf) -> None:
    """Needs `pip install --editable .`, which writes the entry point."""
    application = Application(bundles=["__bundle__"], controllers=[Hello])

    response = await client_of(application).http("hello")

    assert "X-Placeholder" in response.headers
