"""aiohttp's request where only the kernel has routes, so that nobody looks for another."""

from typing import Any, cast

from aiohttp import web
from aiohttp.helpers import ChainMapProxy


class NativeRequest(web.Request):
    """As aiohttp's dispatcher would have left it, which has not seen it.

    *route* is the one that it would have found in *engine*; None once it has looked itself.
    """

    ATTRS = web.Request.ATTRS | frozenset(("engine", "found", "route"))

    engine: web.Application
    route: web.AbstractRoute | None = None
    found: web.UrlMappingMatchInfo | None = None

    @property
    def match_info(self) -> web.UrlMappingMatchInfo:
        if self.route is None:
            return super().match_info
        if self.found is None:
            self.found = web.UrlMappingMatchInfo({"path": self.rel_url.path[1:]}, self.route)
            self.found.add_app(self.engine)
        return self.found

    def clone(self, **changed: Any) -> "NativeRequest":
        other = cast(NativeRequest, super().clone(**changed))
        if self.route is not None:
            other.engine, other.route, other.found = self.engine, self.route, self.match_info
        return other

    @property
    def app(self) -> web.Application:
        return super().app if self.route is None else self.engine

    @property
    def config_dict(self) -> ChainMapProxy:
        return super().config_dict if self.route is None else ChainMapProxy([self.engine])


def is_gone(native: web.Request) -> bool:
    """Whether the client of *native* has left."""
    return native.transport is None or native.transport.is_closing()
