"""Serializes responses with a body in memory as HTTP/1.x messages (RFC 9112).

The fast path sends the bytes of `ResponseWriter.write_common` and `write`. aiohttp's path uses
`compose` only, and aiohttp writes the status line and the headers. Streams and files use neither.
"""

from collections.abc import Iterable
from email.utils import formatdate
from hashlib import blake2b
from http import HTTPStatus
from time import monotonic, time
from typing import Protocol

from multidict import CIMultiDict

from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.entity_tag import entity_tag, of_form
from rxkernel.messages.media_type import MSGPACK_NAMES
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import new_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.stored_response import StoredResponse
from rxkernel.messages.vary import is_storable, vary
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.compression import Compression, compress
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.negotiation import JSON
from rxkernel.servers.http.not_modified import (
    has_condition,
    is_not_modified,
    remove_content_headers,
)
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.servers.http.statuses import BODILESS, RESET_CONTENT, WITHOUT_CONTENT

_CONTAINERS = frozenset((dict, list))
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_MAX_CACHED = 512
"""Entries of each cache here, since an application may create any number of names and types."""

_PLAIN, _TYPE, _STORABLE, _VALIDATOR, _VARY, _SPECIAL = range(6)
"""Rules of `write_common` for a header, in this order: written unchanged; written as Content-Type;
unchanged, and caches may store the response; the same, but only without a condition in the
request; unchanged, but only if caches may not store the response; `write` is needed, because the
header changes others."""

_RULES = {
    "content-type": _TYPE,
    **dict.fromkeys(("cache-control", "expires"), _STORABLE),
    **dict.fromkeys(("etag", "last-modified"), _VALIDATOR),
    **dict.fromkeys(("connection", "content-length", "date", "server"), _SPECIAL),
    "transfer-encoding": _SPECIAL,
    "vary": _VARY,
}


class HeaderPolicy(Protocol):
    """Adds headers to each response before it is sent.

    Attributes:
        touches: the names, in lower case, of the headers that it reads or changes.
        varies: the name that it adds to ``Vary`` of each response, or "".
    """

    touches: frozenset[str]
    varies: str

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """Add its headers to *headers*."""

    def lines(self, head: RequestHead) -> str | None:
        """Return the headers that `add` adds to a response without the headers of `touches`, as
        lines and without ``Vary``. None if `add` must be called."""


class ResponseWriter:
    """Writes responses: status line, Content-Type, the headers of the response, request id,
    Content-Length, Date, Server, Connection, and the headers of the *policies*, in this order.

    Args:
        server: the value of ``Server``; None to omit it.
        id_name: the name of the header with the id of the request; None to omit it.
        serializer: encodes the content.
    """

    def __init__(
        self,
        server: str | None,
        id_name: str | None,
        policies: Iterable[HeaderPolicy],
        compression: Compression | None,
        serializer: Serializer,
    ) -> None:
        self.serializer = serializer
        self._encode_json = serializer.encode_json
        self._server = server
        self._id_name = id_name
        self._before_id = "" if id_name is None else f"\r\n{id_name}: "
        self._policies = tuple(policies)
        self._compression = compression
        touched = frozenset[str]().union(*(policy.touches for policy in self._policies))
        own_id = set() if id_name is None else {id_name.lower()}
        self._rules = {**_RULES, **dict.fromkeys(touched | own_id, _SPECIAL)}
        self._special = frozenset(n for n, rule in self._rules.items() if rule == _SPECIAL)
        self._has_common = own_id.isdisjoint(_RULES)
        self._varies = ", ".join(policy.varies for policy in self._policies if policy.varies)
        self._vary_accept = "\r\nVary: " + ", ".join(filter(None, ("Accept", self._varies)))
        self._begins: dict[tuple[int, str | None], str] = {}
        self._names: dict[str, tuple[int, str]] = {}
        self._date = self._end = ""
        self._expiry = 0.0

    # --- common responses, written without a dictionary of headers

    def write_common(
        self, head: RequestHead, request: Request, response: Response
    ) -> bytes | None:
        """Return the bytes of a response in HTTP/1.1 that keeps the connection open, to a request
        other than HEAD; None if `write` is needed.

        Raises:
            TypeError, ValueError, RecursionError: the content cannot be encoded.
        """
        # Most responses have none of the features that need a dictionary of headers: for those,
        # each branch returns None, and `write` handles the response. Private fields are read,
        # because each property would cost a call.
        status, own = response._status_code, response._headers
        if not self._has_common or response.etag_from_body is not None:
            return None
        lines, last, given, may_be_stored, has_vary = "", "", None, False, False
        if own:
            names = self._names
            for name, value in own.items():
                try:
                    rule, prefix = names[name]
                except KeyError:
                    rule, prefix = self._known(name)
                if rule:
                    if rule == _SPECIAL:
                        return None
                    if rule == _TYPE:
                        if given is not None:
                            return None
                        given = value
                        continue
                    if rule == _STORABLE:
                        may_be_stored = True
                    elif rule == _VARY:
                        has_vary = True
                    elif has_condition(head.headers):
                        return None
                    else:
                        may_be_stored = True
                lines = f"{lines}{prefix}{value}"
        content = response.content
        kind: str | None
        if given is None and type(content) in _CONTAINERS and hdrs.ACCEPT not in request.headers:
            body, kind = self._encode_json(content), JSON  # most responses
        else:
            if own is None and type(response) is StoredResponse:
                stored = response.stored
                if not self._special.isdisjoint(stored.names) or has_condition(head.headers):
                    return None
                given, lines = stored.content_type, stored.lines
            if given is not None and type(content) is bytes:
                body, kind = content, given
            else:
                body, kind = encode_content(content, given, request.headers, self.serializer)
        begin = self._begins.get((status, kind))
        if begin is None:
            if status in WITHOUT_CONTENT:
                return None
            begin = self._begin(status, kind)
        varies = self._varies
        if given is None and kind is not None:
            if kind in MSGPACK_NAMES:
                return None
            if may_be_stored and kind == JSON:
                if has_vary:
                    return None
                lines += self._vary_accept
                varies = ""
        if self._compression is not None and self._compression.may_change(head, len(body)):
            return None
        id: str | None = ""
        if self._id_name is not None and (id := request._id) is None:
            id = request._id = new_request_id()
        for policy in self._policies:
            added = policy.lines(head)
            if added is None:
                return None
            last += added
            if varies and policy.varies:
                last += f"Vary: {varies}\r\n"
                varies = ""
        if monotonic() >= self._expiry:
            self._renew_date()
        text = (
            f"{begin}{lines}{self._before_id}{id}\r\nContent-Length: {len(body)}"
            f"{self._end}{last}\r\n"
        )
        return text.encode() + body

    def _known(self, name: str) -> tuple[int, str]:
        """Return the rule of the header *name* and the text before its value, and cache both."""
        if len(self._names) >= _MAX_CACHED:
            self._names.clear()
        known = self._names[name] = (self._rules.get(name.lower(), _PLAIN), f"\r\n{name}: ")
        return known

    def _begin(self, status: int, kind: str | None) -> str:
        text = f"HTTP/1.1 {status} {_PHRASES.get(status, '')}"
        if kind is not None:
            text += f"\r\nContent-Type: {kind}"
        if len(self._begins) >= _MAX_CACHED:
            self._begins.clear()
        self._begins[status, kind] = text
        return text

    def _renew_date(self) -> None:
        now = time()
        self._expiry = monotonic() + 1.0 - now % 1.0  # the clock may be set back
        self._date = formatdate(int(now), usegmt=True)
        server = "" if self._server is None else f"Server: {self._server}\r\n"
        self._end = f"\r\nDate: {self._date}\r\n{server}"

    # --- all responses

    async def write(
        self, head: RequestHead, request: Request, response: Response, keep_alive: bool
    ) -> tuple[int, bytes]:
        """Return the status and bytes of any response except a stream or a file.

        *keep_alive*: whether the connection stays open.

        Raises:
            TypeError, ValueError, RecursionError: the content cannot be encoded.
        """
        status, headers, body = await self.compose(head, request, response)
        if monotonic() >= self._expiry:
            self._renew_date()
        headers.setdefault(hdrs.DATE, self._date)
        if self._server is not None:
            headers.setdefault(hdrs.SERVER, self._server)
        major, minor = version = head.version
        if keep_alive:
            if version == (1, 0) and hdrs.CONNECTION not in headers:
                headers[hdrs.CONNECTION] = "keep-alive"
        elif version == (1, 1) and hdrs.CONNECTION not in headers:
            headers[hdrs.CONNECTION] = "close"
        for policy in self._policies:
            policy.add(head, headers)
        names = self._names
        lines = "".join([f"{(names.get(n) or self._known(n))[1]}{v}" for n, v in headers.items()])
        text = f"HTTP/{major}.{minor} {status} {_PHRASES.get(status, '')}{lines}\r\n\r\n".encode()
        return status, text if status in BODILESS or head.method == "HEAD" else text + body

    async def compose(
        self, head: RequestHead, request: Request, response: Response
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Return the status, headers and body of any response to *head* except a stream or a file.

        The headers of the connection and of the policies are not included.

        Raises:
            TypeError, ValueError, RecursionError: the content cannot be encoded.
            PreconditionFailedException: a condition of the request failed (412).
        """
        status, headers, own = response.status_code, CIMultiDict[str](), None
        if response.has_headers:
            own = response.headers
        given = own.get(hdrs.CONTENT_TYPE) if own is not None else None
        body, kind = encode_content(response.content, given, head.headers, self.serializer)
        if status == RESET_CONTENT:
            body = b""
        if kind is not None:
            headers[hdrs.CONTENT_TYPE] = kind
        if own is not None:
            headers.extend(own)
            if given is not None and kind is not None:
                headers[hdrs.CONTENT_TYPE] = kind  # once, and first
        if given is None and kind in MSGPACK_NAMES:
            vary(headers, hdrs.ACCEPT)
            if hdrs.ETAG in headers:
                headers[hdrs.ETAG] = of_form(headers[hdrs.ETAG], "msgpack")
        if own is not None or response.etag_from_body is not None:
            _complete(head, response, headers, body, is_ours=given is None)
        # conditions use the tag of the action; compression would make it weak
        is_stored = is_not_modified(head, status, headers)
        compressor = None
        if self._compression is not None:
            compressor = self._compression.start(head, status, headers, len(body))
        if is_stored:
            status, headers, body = 304, remove_content_headers(headers), b""
        elif compressor is not None:
            body = await compress(compressor, body, last=True)
        if self._id_name is not None:
            headers[self._id_name] = request.id
        if status in BODILESS:
            headers.popall(hdrs.CONTENT_LENGTH, None)
        elif status == RESET_CONTENT:
            headers[hdrs.CONTENT_LENGTH] = "0"
        elif hdrs.CONTENT_LENGTH not in headers and (body or head.method != "HEAD"):
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        return status, headers, body


def _complete(
    head: RequestHead,
    response: Response,
    headers: CIMultiDict[str],
    body: bytes,
    *,
    is_ours: bool,
) -> None:
    """Correct the *headers* that describe *body*. *is_ours*: whether the application has not set
    the content type."""
    if body or head.method != "HEAD":
        headers.popall(hdrs.CONTENT_LENGTH, None)
    headers.popall(hdrs.TRANSFER_ENCODING, None)
    if response.etag_from_body is not None:
        tag = blake2b(body, digest_size=16).hexdigest()
        headers[hdrs.ETAG] = entity_tag(tag, weak=response.etag_from_body == "weak")
    if is_ours and headers.get(hdrs.CONTENT_TYPE) == JSON and is_storable(headers):
        vary(headers, hdrs.ACCEPT)


def closes_connection(response: Response) -> bool:
    """Whether the application has set ``Connection: close``, after which the server must close
    (RFC 9112 §9.6)."""
    if not response.has_headers or hdrs.CONNECTION not in response.headers:
        return False
    options = ",".join(response.headers.getall(hdrs.CONNECTION)).lower().split(",")
    return "close" in (option.strip() for option in options)


def body_size(response: bytes) -> int:
    """Return the size of the body of *response* in bytes."""
    return len(response) - response.find(b"\r\n\r\n") - 4
