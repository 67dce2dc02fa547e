"""What an action answers with."""

import re
from collections.abc import AsyncIterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from http.cookies import SimpleCookie
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, Literal
from urllib.parse import quote

import attrs
from multidict import CIMultiDict
from yarl import URL

from rxkernel.messages.content_types import content_type_of
from rxkernel.messages.public_path import public_path

_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\]")


def _headers(given: Mapping[str, str] | None) -> CIMultiDict[str]:
    return CIMultiDict(given) if given else CIMultiDict()


def _check_status(_: Any, __: Any, status: int) -> None:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"status_code is {status!r}; an answer has a status from 200 to 599")


@attrs.define(eq=False)
class Response:
    """An answer; the transport decides how its content is written.

    ``content`` is any value that JSON can hold, an attrs class, a dataclass, ``str``
    (over HTTP: ``text/plain``), ``bytes``, or None for no content. A ``Content-Type``
    in *headers* is respected.
    """

    content: Any = None
    status_code: int = attrs.field(default=200, validator=_check_status)
    headers: CIMultiDict[str] = attrs.field(default=None, converter=_headers)

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
        samesite: Literal["Lax", "Strict", "None"] | None = "Lax",
    ) -> None:
        """Have the browser keep a cookie (RFC 6265); *max_age* is in seconds.

        Raises:
            http.cookies.CookieError: *name* is not a token.
        """
        cookie: SimpleCookie = SimpleCookie({name: value})
        given = {
            "max-age": max_age,
            "expires": expires and format_datetime(expires, usegmt=True),
            "path": path,
            "domain": domain,
            "secure": secure,
            "httponly": httponly,
            "samesite": samesite,
        }
        for attribute, setting in given.items():
            if setting is not None and setting is not False:
                cookie[name][attribute] = setting
        self.headers.add("Set-Cookie", cookie[name].OutputString())

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None) -> None:
        """Have the browser forget a cookie; *path* and *domain* must be those it was set with."""
        self.set_cookie(name, "", max_age=0, path=path, domain=domain)


class RedirectResponse(Response):
    """Sends the client elsewhere (RFC 9110 §15.4); 303 makes it GET, 307 and 308 repeat."""

    def __init__(
        self,
        location: str,
        status_code: int = 302,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if status_code not in _REDIRECTS:
            raise ValueError(f"status_code is {status_code}; a redirect has one of {_REDIRECTS}")
        super().__init__(None, status_code, headers)
        self.headers["Location"] = str(URL(location))


class FileResponse(Response):
    """A file of this machine, sent as it is; 404 when it is not there at the time.

    Over HTTP it knows ranges and conditional requests (RFC 9110 §13, §14). *path* is the
    program's own, unless a *root* is given: below it *path* may come from a client, and
    symbolic links, hidden files and backups are not there. With *filename* the browser saves
    it under that name, or shows it if *inline* (RFC 6266). A socket cannot carry it.

    Raises:
        NotFoundException: *path* is no name that may be asked for below *root*.
        ValueError: *filename* has a path or a control character.
    """

    root: Path | None
    """Folder that ``content``, the path, must lie in; None: it may lie anywhere."""

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
        self.headers.setdefault("Content-Type", content_type_of(named))
        if filename is not None:
            kind = "inline" if inline else "attachment"
            self.headers.setdefault("Content-Disposition", disposition(kind, filename))


class StreamResponse(Response):
    """A body that comes in pieces, ``bytes`` or ``str``, while it is made.

    The source is read as fast as the client takes it, and closed (``aclose``) when it is
    done or the client leaves. A socket cannot carry it.
    """

    def __init__(
        self,
        content: AsyncIterable[bytes | str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str = "application/octet-stream",
    ) -> None:
        super().__init__(content, status_code, headers)
        self.headers.setdefault("Content-Type", content_type)


@attrs.frozen(kw_only=True)
class ServerSentEvent:
    """One event of an event stream (HTML Standard, "Server-sent events").

    ``data`` is sent as it is when str, as JSON else; ``retry`` is in seconds.
    """

    data: Any = None
    event: str | None = None
    id: str | None = None
    retry: float | None = None


class EventStreamResponse(Response):
    """Server-sent events for an ``EventSource``; ends with its source or its client."""

    def __init__(
        self,
        content: AsyncIterable[ServerSentEvent],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(content, status_code, headers)
        self.headers.setdefault("Content-Type", "text/event-stream; charset=utf-8")
        self.headers.setdefault("Cache-Control", "no-store")


class Acknowledgement(Response):
    """Acknowledges with *values* as they are, for Socket.IO clients that expect no envelope.

    Over HTTP it is the JSON list of them.
    """

    def __init__(self, *values: Any) -> None:
        super().__init__(list(values))


async def close_source(response: Response) -> None:
    """Close what *response* would be read from, where that is a stream."""
    close = getattr(response.content, "aclose", None)
    if close is not None and isinstance(response, StreamResponse | EventStreamResponse):
        await close()


def disposition(kind: str, filename: str) -> str:
    """``Content-Disposition`` (RFC 6266): a name in ASCII, and where that is not all, in UTF-8.

    Raises:
        ValueError: a browser could not save it under *filename*.
    """
    if filename in ("", ".", "..") or _NOT_IN_A_NAME.search(filename):
        raise ValueError(
            f"filename is {filename!r}; a download has a name without folders and control "
            f"characters"
        )
    plain = "".join(c if c.isascii() else "_" for c in filename)
    quoted = plain.replace('"', '\\"')
    if plain == filename and "%" not in filename:  # some browsers decode it (appendix D)
        return f'{kind}; filename="{quoted}"'
    return f"{kind}; filename=\"{quoted}\"; filename*=UTF-8''{quote(filename, safe='')}"
