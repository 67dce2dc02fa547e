"""The requests that a cookie may authenticate (E8)."""

import pytest

from bundles.security import SecuritySettings, access
from bundles.security.credentials.cross_site import CrossSiteGuard
from rxkernel import HttpSettings, Request, both
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import application_of

HOST = "shop.example"
TRUSTED = HttpSettings(origins=("https://*.partner.example",), allow_credentials=True)


class Guarded:
    def __init__(self) -> None:
        self.guard: CrossSiteGuard | None = None

    @access("public")
    @both("POST", "/buy", "buy")
    async def buy(self, request: Request) -> str:
        assert self.guard is not None
        self.guard.check(request)
        return "bought"


ROWS = [
    # Sec-Fetch-Site, Origin, status
    ("same-origin", "https://shop.example", 200),
    ("none", None, 200),
    (None, None, 200),  # curl
    (None, "http://shop.example", 200),
    (None, "https://SHOP.example", 200),  # TLS was terminated before
    ("cross-site", "https://evil.example", 403),
    ("cross-site", "https://shop.example", 403),
    ("cross-site", None, 403),
    ("same-site", "https://blog.shop.example", 403),
    (None, "https://evil.example", 403),
    (None, "https://evil-shop.example", 403),
    (None, "https://shop.example.evil.example", 403),
    (None, "http://[", 403),  # not a URL
    (None, "https://shop.example/", 403),  # not an origin, which has no path
    (None, "http://shop.example:8080", 403),
    (None, "null", 403),
    (None, "", 403),
    ("cross-site", "https://www.partner.example", 200),
    ("cross-site", "http://www.partner.example", 403),
    ("cross-site", "https://partner.example", 403),
    ("strange", "https://evil.example", 403),
]


@pytest.mark.parametrize(("site", "origin", "status"), ROWS)
async def test_unsafe_request_of_other_site_is_refused(
    client_of: ClientOf, site: str | None, origin: str | None, status: int
) -> None:
    client = client_of(application_of(Guarded, http=TRUSTED))
    await client.application.boot()
    injector = client.application.injector
    injector.get(Guarded).guard = injector.get(CrossSiteGuard)
    sent = {"Host": HOST, "Sec-Fetch-Site": site, "Origin": origin}
    headers = {name: value for name, value in sent.items() if value is not None}

    response = await client.http("buy", headers=headers)

    assert response.status_code == status
    if status == 403:
        assert response.content["code"] == "cross_site"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_request_of_other_site_is_accepted(client_of: ClientOf, method: str) -> None:
    client = client_of(application_of())
    await client.application.boot()
    request = Request("HTTP", {"Sec-Fetch-Site": "cross-site"}, method=method)
    client.application.injector.get(CrossSiteGuard).check(request)


async def test_guard_that_is_disabled_accepts_requests_of_other_sites(client_of: ClientOf) -> None:
    client = client_of(application_of(settings=SecuritySettings(csrf=False)))
    await client.application.boot()
    request = Request("HTTP", {"Sec-Fetch-Site": "cross-site"}, method="POST")
    client.application.injector.get(CrossSiteGuard).check(request)


async def test_origins_without_credentials_are_not_trusted(client_of: ClientOf) -> None:
    listed = HttpSettings(origins=("https://www.partner.example",))
    client = client_of(application_of(Guarded, http=listed))
    await client.application.boot()
    injector = client.application.injector
    injector.get(Guarded).guard = injector.get(CrossSiteGuard)
    headers = {"Host": HOST, "Origin": "https://www.partner.example"}
    assert (await client.http("buy", headers=headers)).status_code == 403
