"""Limits over real connections, for clients behind a trusted proxy."""

import aiohttp
import socketio

from bundles.scale import ScaleBundle, limit
from rxkernel import Application, HttpSettings, Settings, both
from tests.serving import serving


class Search:
    @both("POST", "/search", "search")
    @limit("3/year")
    async def search(self) -> str:
        return "found"


async def test_client_is_limited_over_http_and_sockets_by_its_forwarded_address() -> None:
    settings = Settings(http=HttpSettings(port=0, trusted_proxies=("127.0.0.1",)))
    application = Application(bundles=[ScaleBundle], controllers=[Search], settings=settings)
    one, two = ({"X-Forwarded-For": f"192.0.2.{number}"} for number in (1, 2))
    async with serving(application), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{application.servers['http'].port}"
        client = socketio.AsyncClient(reconnection=False, http_session=http)
        await client.connect(url, headers=one, transports=["websocket"])

        async with http.post(f"{url}/search", headers=one) as response:
            assert response.status == 200
        await client.emit("search")  # counts, without an acknowledgement
        assert (await client.call("search"))["statusCode"] == 200
        refused = await client.call("search")
        async with http.post(f"{url}/search", headers=one) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) >= 1
        async with http.post(f"{url}/search", headers=two) as response:
            assert response.status == 200
        await client.disconnect()

    assert refused["statusCode"] == 429
    assert int(refused["headers"]["Retry-After"]) >= 1
    assert refused["code"] == "limit_exceeded"
