"""Requests that fail: what was begun ends, and the first error counts."""

from tests.bundles.web.conftest import Site


async def test_page_that_cannot_be_kept_releases_the_snapshot(site: Site) -> None:
    text = """
        from rxkernel import Response

        async def get(client):
            client.cache(60)
            return Response(object())
        """
    async with site.served({"app/a/get.py": text}) as session:
        for _ in range(3):
            async with session.get("/a/") as response:
                assert response.status == 500
        old = site.snapshot
        assert old.uses.count == 0
