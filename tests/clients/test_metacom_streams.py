"""Streams with the npm client of Metacom, which is dialect A."""

import hashlib

from tests.bundles.metacom.conftest import SiteOf, site_of
from tests.bundles.metacom.test_streams import MIB, Files, content
from tests.clients.conftest import RunNode
from tests.required_tools import require_metacom

__all__ = ["site_of"]


async def test_npm_client_uploads_and_downloads_1_mib(site_of: SiteOf, run_node: RunNode) -> None:
    """It reads one of the downloads late. More than 41 chunks that wait would be confused."""
    require_metacom()
    site = await site_of(Files)
    report = await run_node("metacom_streams.mjs", site.url.replace("http", "ws"))

    assert [one["sha256"] for one in report["uploads"]] == [report["sha256"]] * 3
    for one in report["downloads"]:
        data = b"".join(content(MIB, at, one["part"]) for at in range(0, MIB, one["part"]))
        assert one["size"] == MIB
        assert one["sha256"] == hashlib.sha256(data).hexdigest()
