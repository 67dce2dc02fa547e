"""The responses of actions."""

import math
import re
from collections.abc import AsyncIterable, Collection, Iterable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import quote

import attrs

from rxkernel.headers import Headers, headers_of, new_headers
from rxkernel.messages.content_types import BYTES, file_type
from rxkernel.messages.entity_tag import entity_tag
from rxkernel.messages.public_path import public_path
from rxkernel.messages.redirect import redirect_target
from rxkernel.messages.set_cookie import SameSite, needs_secure, set_cookie_header
from rxkernel.messages.threaded_source import stream_source

_REDIRECTS = (301, 302, 303, 307, 308)
_new = object.__new__
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\]")


def _invalid_status(given: object) -> ValueError:
    return ValueError(f"status_code is {given!r}; it must be from 200 to 599")


@attrs.define(eq=False, init=False, repr=False)
class Response:
    """A response; the transport encodes its content.

    ``content`` is any value that JSON can hold, an attrs class, a dataclass, ``str``
    (over HTTP: ``text/plain``), ``bytes``, or None for no content. A ``Content-Type``
    in *headers* is kept. ``headers`` reject invalid values when they are set, see `Headers`.

    Raises:
        ValueError: *status_code* is not from 200 to 599, here and whenever it is set.
    """

    content: Any
    _status_code: int
    _headers: Headers | None
    etag_from_body: Literal["strong", "weak"] | None = attrs.field(init=False)

    is_streamed: ClassVar[bool] = False
    """Whether the class is a stream or a file, which cannot be sent as one packet."""

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # Written out: a validator and a converter of attrs take as long as the rest of the call.
        if not isinstance(status_code, int) or not 200 <= status_code <= 599:
            raise _invalid_status(status_code)
        self.content = content
        self._status_code = status_code
        self._headers = headers_of(headers) if headers else None
        self.etag_from_body = None

    @property
    def status_code(self) -> int:
        return self._status_code

    @status_code.setter
    def status_code(self, given: int) -> None:
        if not isinstance(given, int) or not 200 <= given <= 599:
            raise _invalid_status(given)
        self._status_code = given

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = new_headers()
        return self._headers

    @headers.setter
    def headers(self, given: Mapping[str, str] | None) -> None:
        self._headers = headers_of(given)

    @property
    def has_headers(self) -> bool:
        """Whether a header is set; reading ``headers`` would create them."""
        return bool(self._headers)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(content={self.content!r}, status_code={self.status_code!r}, "
            f"headers={self.headers!r})"
        )

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "Lax",
    ) -> None:
        """Set a cookie in the browser (RFC 6265bis); *max_age* is in seconds.

        Raises:
            http.cookies.CookieError: *name* is not a token.
            TypeError: *max_age* is not an int.
            ValueError: browsers would ignore the cookie: ``__Secure-`` or *samesite* ``"None"``
                without *secure*, ``__Host-`` also with a *domain* or another *path*, name and
                value above 4096 bytes. Also a *value* with a control character or half of a
                surrogate pair, and a *path* or *domain* with ``;``.
        """
        cookie = set_cookie_header(
            name, value, max_age, expires, path, domain, secure, httponly, samesite
        )
        self.headers.add("Set-Cookie", cookie)

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None) -> None:
        """Remove a cookie from the browser; pass the *path* and *domain* that it was set with."""
        secure = needs_secure(name)
        self.set_cookie(name, "", max_age=0, path=path, domain=domain, secure=secure)

    def set_etag(self, tag: str | None = None, *, weak: bool = False) -> None:
        """Set the entity tag; a GET or HEAD whose ``If-None-Match`` contains it gets 304.

        *tag* is without quotes; None computes it from the body when that is sent. *weak* means
        that responses with equal tags may differ in their bytes.

        Raises:
            ValueError: *tag* is empty, or has a quote, a space or a control character.
            TypeError: *tag* is None for a stream or a file, whose bytes are not known.
        """
        if tag is not None:
            self.headers["ETag"] = entity_tag(tag, weak=weak)
        elif self.is_streamed:
            raise TypeError(
                f"the entity tag of a {type(self).__name__} cannot be computed; pass one"
            )
        else:
            self.etag_from_body = "weak" if weak else "strong"


def plain_response(content: Any, status_code: int) -> Response:
    """As `Response`, for a *status_code* that was checked at boot.

    It skips ``__init__`` and its checks to save time: nearly every message creates a response.
    """
    response = _new(Response)
    response.content = content
    response._status_code = status_code
    response._headers = None
    response.etag_from_body = None
    return response


class RedirectResponse(Response):
    """Redirects the client (RFC 9110 §15.4); after 303 it sends GET, 307 and 308 keep the method.

    *location* is on this site: a path that starts with one ``/``, a relative path or a query; or
    it is ``http(s)://`` with a host in *hosts*, such as ``example.org`` or ``example.org:8443``.

    Raises:
        BadRequestException: *location* leads to another host, or browsers may read it as such a
            URL (400).
        ValueError: *status_code* is not 301, 302, 303, 307 or 308.
    """

    def __init__(
        self,
        location: str,
        status_code: int = 302,
        headers: Mapping[str, str] | None = None,
        *,
        hosts: Collection[str] = (),
    ) -> None:
        if status_code not in _REDIRECTS:
            raise ValueError(f"status_code is {status_code}; it must be one of {_REDIRECTS}")
        super().__init__(None, status_code, headers)
        self.headers["Location"] = redirect_target(location, hosts)


class FileResponse(Response):
    """A file, sent unchanged; 404 if it does not exist when it is sent.

    Over HTTP, ranges and conditional requests work (RFC 9110 §13, §14). *path* must not come from
    a client, unless *root* is given: then it must be below *root*, and symbolic links, hidden
    files and backups are not found. With *filename* the browser saves the file under that name,
    or shows it if *inline* (RFC 6266). It cannot be sent over a socket.

    Raises:
        NotFoundException: *path* is not a valid name of a file below *root*.
        ValueError: *filename* is empty, or has a folder or a control character.
    """

    is_streamed = True

    root: Path | None
    """The folder that ``content``, the path, must be below; None for any folder."""

    def __init__(
        self,
        path: str | PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        filename: str | None = None,
        inline: bool = False,
        root: str | PathLike[str] | None = None,
    ) -> None:
        self.root = None if root is None else Path(root)
        where = Path(path) if self.root is None else public_path(self.root, path)
        super().__init__(where, status_code, headers)
        named = where if filename is None else PurePath(filename)
        self.headers.setdefault("Content-Type", file_type(named))
        if filename is not None:
            kind = "inline" if inline else "attachment"
            self.headers.setdefault("Content-Disposition", disposition(kind, filename))


class StreamResponse(Response):
    """A body that is sent in pieces, ``bytes`` or ``str``, while it is produced.

    The source is an async iterable, a plain one, whose pieces are produced in threads, or an open
    file. It is read no faster than the client reads. It is closed (``aclose``, ``close``) when it
    ends, when the client disconnects, and when the client reads nothing for
    ``http.send_timeout``. A ``Content-Length`` in *headers* must be correct, otherwise the
    connection is closed. It cannot be sent over a socket.

    Raises:
        TypeError: *content* is not iterable, or is a whole body, such as ``bytes``.
    """

    is_streamed = True

    def __init__(
        self,
        content: AsyncIterable[bytes | str] | Iterable[bytes | str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str = BYTES,
    ) -> None:
        super().__init__(stream_source(content, "a StreamResponse"), status_code, headers)
        self.headers.setdefault("Content-Type", content_type)


def _check_line(_: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is not None and any(c in value for c in "\r\n\0"):
        raise ValueError(
            f"{attribute.name} of a server-sent event is {value[:100]!r}; it must be one line "
            f"without NUL"
        )


def _check_seconds(_: Any, attribute: "attrs.Attribute[Any]", value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} is {value!r}; it must be seconds, 0 or more, or None")


@attrs.frozen(kw_only=True)
class ServerSentEvent:
    """One event of an event stream (HTML Standard, "Server-sent events").

    ``data`` is sent unchanged if it is a str, otherwise as JSON; ``retry`` is in seconds. ``data``
    may contain line breaks; ``event`` and ``id`` with one raise `ValueError`.
    """

    data: Any = None
    event: str | None = attrs.field(default=None, validator=_check_line)
    id: str | None = attrs.field(default=None, validator=_check_line)
    retry: float | None = attrs.field(default=None, validator=_check_seconds)


@attrs.frozen(kw_only=True)
class EncodedEvent(ServerSentEvent):
    """An event that many streams send: it is encoded once, by `encode_event`.

    ``encoded`` is sent unchanged; the other fields are for tests. It may consist of the ``id``
    line only: the browser sends this id when it reconnects, and scripts receive no event.
    """

    encoded: bytes = attrs.field(repr=False)


class EventStreamResponse(Response):
    """Server-sent events for an ``EventSource``.

    The response ends when its source ends, its client disconnects or the server stops. After
    *heartbeat* seconds without an event a comment is sent, so that proxies keep the connection;
    None sends no comments. *retry* is the number of seconds after which the browser reconnects;
    it then sends the ``id`` of the last event in the header ``Last-Event-ID``. The connection of
    a client that reads nothing for ``http.send_timeout`` is closed.

    Raises:
        TypeError: *content* is not iterable, or is a whole body, such as ``bytes``.
        ValueError: *heartbeat* or *retry* is out of range.
    """

    is_streamed = True

    def __init__(
        self,
        content: AsyncIterable[ServerSentEvent] | Iterable[ServerSentEvent],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        heartbeat: float | None = 15.0,
        retry: float | None = None,
    ) -> None:
        if heartbeat is not None and not 0 < heartbeat < math.inf:
            raise ValueError(
                f"heartbeat is {heartbeat!r}; it must be seconds, more than 0, or None"
            )
        if retry is not None and not 0 <= retry < math.inf:
            raise ValueError(f"retry is {retry!r}; it must be seconds, 0 or more, or None")
        source = stream_source(content, "an EventStreamResponse")
        super().__init__(source, status_code, headers)
        self.heartbeat = heartbeat
        self.retry = retry
        self.headers.setdefault("Content-Type", "text/event-stream; charset=utf-8")
        self.headers.setdefault("Cache-Control", "no-store")
        self.headers.setdefault("X-Accel-Buffering", "no")


class Handshake(Protocol):
    """A WebSocket that waits for the response to its handshake."""

    async def complete(self, headers: Headers) -> Any:
        """Send the handshake with *headers*, and return the transport's response when the
        WebSocket is closed.

        Raises:
            Exception: the handshake was not sent.
        """

    async def aclose(self) -> None:
        """Cancel the function that waits for the handshake, which is not sent."""


class UpgradeResponse(Response):
    """The response to the handshake of a WebSocket, with status 101; see `HttpServer.upgrade`.

    Response listeners may add headers before the handshake is sent. The services of the message
    stay open until the WebSocket is closed.
    """

    is_streamed = True

    def __init__(self, content: Handshake) -> None:
        super().__init__(content)
        self._status_code = 101


class Acknowledgement(Response):
    """An acknowledgement with *values*, without the envelope of other responses.

    Over HTTP it is the JSON list of *values*.
    """

    def __init__(self, *values: Any) -> None:
        super().__init__(list(values))


async def close_source(response: Response) -> None:
    """Close the source of *response* if it is a stream or a WebSocket."""
    close = getattr(response.content, "aclose", None)
    if close is not None and isinstance(
        response, StreamResponse | EventStreamResponse | UpgradeResponse
    ):
        await close()


def disposition(kind: str, filename: str) -> str:
    """``Content-Disposition`` (RFC 6266): the name in ASCII, and in UTF-8 if it differs.

    Raises:
        ValueError: *filename* is not a valid name of a file.
    """
    if filename in ("", ".", "..") or _NOT_IN_A_NAME.search(filename):
        raise ValueError(
            f"filename is {filename!r}; it must be a name without folders and control characters"
        )
    plain = "".join(c if c.isascii() else "_" for c in filename)
    quoted = plain.replace('"', '\\"')
    if plain == filename and "%" not in filename:  # some browsers decode it (appendix D)
        return f'{kind}; filename="{quoted}"'
    return f"{kind}; filename=\"{quoted}\"; filename*=UTF-8''{quote(filename, safe='')}"
