"""Protection against cross-site request forgery (CSRF).

A browser adds a cookie, and a password that was typed for Basic, to requests of other sites. It
sends the origin of a request in ``Sec-Fetch-Site`` (Fetch Metadata, all browsers since 2023) or
``Origin``. A page cannot set these headers. So forms need no token (OWASP, CSRF Prevention Cheat
Sheet).
"""

from urllib.parse import urlsplit

from injector import inject

from bundles.security.settings import SecuritySettings
from rxkernel import ForbiddenException, HttpServer, Request

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""RFC 9110 §9.2.1. An action of a safe method must not change anything."""

_OWN = frozenset(("same-origin", "none"))
"""``none``: the user has typed the address, or opened a bookmark."""


class CrossSiteGuard:
    """Refuses unsafe requests of pages of other sites. Requests of ``http.origins`` are accepted
    if ``http.allow_credentials`` is set.
    """

    @inject
    def __init__(self, settings: SecuritySettings, http: HttpServer) -> None:
        self._is_enabled = settings.csrf
        self._cors = http.cors

    def check(self, request: Request) -> None:
        """Return if *request*, which a cookie or Basic authenticates, comes from this site.

        A request with neither header does not come from a current browser, and is accepted.

        Raises:
            ForbiddenException: it comes from another site.
        """
        if not self._is_enabled or request.method in _SAFE:
            return
        site = request.headers.get("Sec-Fetch-Site")
        if site in _OWN:
            return
        origin = request.headers.get("Origin")
        if origin is None:
            is_own = site is None
        else:
            is_own = (site is None and _is_host(origin, request)) or self._cors.trusts_origin(
                origin
            )
        if not is_own:
            raise ForbiddenException("the request comes from another site", code="cross_site")


def _is_host(origin: str, request: Request) -> bool:
    """Whether *origin* has the host of *request*. The scheme is not compared: a proxy may have
    terminated TLS without a header about it."""
    host = origin.partition("://")[2]  # not urlsplit: it raises for some invalid origins
    return host.lower() == urlsplit(request.base_url).netloc.lower()
