"""Sessions of the server, restored by the Python client."""

from pathlib import Path
from textwrap import dedent

import pytest

from bundles.autoload import AutoloadBundle
from bundles.metacom.client import Metacom, MetacomError
from tests.bundles.autoload.sign_in import BUNDLES, FILES, SECURITY
from tests.bundles.metacom.conftest import Site, SiteOf
from tests.waiting import until


@pytest.fixture
async def site(site_of: SiteOf, tmp_path: Path) -> Site:
    for key, content in FILES.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    served: Site = await site_of(
        bundles=(AutoloadBundle(tmp_path), *BUNDLES), sections={"security": SECURITY}
    )
    return served


async def test_session_is_restored_after_reconnect(site: Site) -> None:
    async with Metacom(site.websocket_url, timeout=20) as client:
        await client.load("auth", "counter")
        auth, counter = client.api.auth, client.api.counter
        with pytest.raises(MetacomError, match="401"):
            await counter.add()

        token = await auth.sign_in(name="ada")
        client.on_connect(lambda: auth.restore(token=token))
        assert await counter.add() == 1
        before = set(site.server.engine)
        for connection in before:
            await connection.close(1001)
        await until(lambda: set(site.server.engine) - before)

        assert await counter.add() == 2


async def test_session_of_http_is_kept_in_cookie(site: Site) -> None:
    async with Metacom(f"{site.url}/api", timeout=20) as client:
        await client.load("auth", "counter")
        await client.api.auth.sign_in(name="ada")

        assert [await client.api.counter.add() for _ in range(2)] == [1, 2]
