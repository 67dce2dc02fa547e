"""The header fields of a forwarded request."""

import attrs
from multidict import CIMultiDict

from bundles.web.proxy.hop_by_hop import end_to_end
from rxkernel import Request

_OWN = frozenset(
    (
        "content-length",
        "expect",
        "forwarded",
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    )
)
"""Fields that the proxy sets itself, or that a client could forge: the other server trusts the
proxy. ``_`` counts as ``-``, since CGI and WSGI do not distinguish them."""

_HANDSHAKE = "sec-websocket-"


@attrs.frozen
class RequestHeaders:
    """Creates the header fields for the other server.

    Attributes:
        pseudonym: the name of this proxy in ``Via``.
        id_header: the name of the header with the id of a request; None: it is not sent.
    """

    pseudonym: str
    id_header: str | None

    def of(
        self, request: Request, *, keep_host: bool, has_body: bool, is_handshake: bool = False
    ) -> CIMultiDict[str]:
        """Return the fields for the other server.

        Args:
            keep_host: send the ``Host`` of the client; otherwise the host of the URL is added
                later. is_handshake: omit the fields of the client's own WebSocket.
        """
        headers = CIMultiDict(
            (name, value)
            for lower, name, value in end_to_end(request.headers)
            if lower.replace("_", "-") not in _OWN
            and not (is_handshake and lower.startswith(_HANDSHAKE))
        )
        if has_body:
            self._frame(request, headers)
        scheme, _, rest = request.base_url.partition("://")
        host = rest.partition("/")[0]
        if keep_host:
            headers["Host"] = host
        if request.client is not None:
            headers["X-Forwarded-For"] = request.client.host
        headers["X-Forwarded-Proto"] = scheme
        headers["X-Forwarded-Host"] = host
        headers["Forwarded"] = f'for={_node(request)};host="{host}";proto={scheme}'
        former = request.headers.getall("Via", ())
        headers["Via"] = ", ".join((*former, f"1.1 {self.pseudonym}"))
        if self.id_header is not None:
            headers[self.id_header] = request.id
        return headers

    def is_loop(self, request: Request) -> bool:
        """Whether this proxy has forwarded *request* before."""
        return any(self.pseudonym in line for line in request.headers.getall("Via", ()))

    @staticmethod
    def _frame(request: Request, headers: CIMultiDict[str]) -> None:
        if "Content-Encoding" in request.headers:  # the server has decompressed the body,
            headers.pop("Content-Encoding", None)  # also if ``Connection`` names the field
        elif (length := request.headers.get("Content-Length")) is not None:
            headers["Content-Length"] = length


def _node(request: Request) -> str:
    """Return the client in the notation of RFC 7239 section 6."""
    if request.client is None:
        return "unknown"
    host = request.client.host
    return f'"[{host}]"' if ":" in host else host
