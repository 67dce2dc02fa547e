"""URLs of other servers: fixed ones, and URLs that a client may have sent."""

import re
from collections.abc import Collection
from urllib.parse import quote

from yarl import URL

from bundles.web.proxy.public_resolver import check_public
from rxkernel import BadRequestException, RxKernelError

_PLAIN = re.compile(r'[!"$-~]*')
"""Text that is sent unchanged: ASCII without spaces, control characters and ``#``."""

_SENT = re.compile(
    r"(?P<origin>https?://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?)"
    r"(?P<rest>[/?][^#]*)?",
    re.ASCII | re.IGNORECASE,
)


def origin_of(text: str) -> URL:
    """Return the origin *text*, such as ``http://127.0.0.1:8080``.

    Raises:
        RxKernelError: it has more than scheme, host and port.
    """
    try:
        url = URL(text)
        is_origin = url.scheme in ("http", "https") and url.host and url == url.origin()
    except ValueError:
        is_origin = False
    if not is_origin:
        raise RxKernelError(
            f"the origin of another server is {text!r}; write only scheme, host and port, such as "
            f"http://127.0.0.1:8080"
        )
    return url


def url_of(origin: URL, target: str) -> URL:
    """Return the URL of *target*, a path with a query, at *origin*.

    Raises:
        RxKernelError: it does not begin with a slash.
    """
    if not target.startswith("/"):
        raise RxKernelError(f"the target is {target!r}; it must begin with /")
    if _PLAIN.fullmatch(target) is None:
        plain = "".join(map(chr, range(0x21, 0x7F))).replace("#", "")
        target = quote(target, safe=plain, errors="surrogateescape")
    return URL(f"{str(origin).rstrip('/')}{target}", encoded=True)


def checked_url(text: str, hosts: Collection[str]) -> URL:
    """Return the URL *text*, which may come from a client.

    Args:
        hosts: the allowed hosts, such as ``example.org``, or ``example.org:8443`` with a port.

    Raises:
        BadRequestException: its host is not in *hosts*, or it is invalid (400).
        PrivateAddressError: its host is an address that is not public.
        TypeError: *hosts* is a str.
    """
    if isinstance(hosts, str):
        raise TypeError(f"hosts is {hosts!r}; it must be a collection of host names")
    found = _SENT.fullmatch(text)
    if found is None:
        raise _refused(text, "is not a URL like https://example.org/path")
    host = found["host"].lower()
    named = host if found["port"] is None else f"{host}:{found['port']}"
    if named not in map(str.lower, hosts):
        raise _refused(text, f"has the host {named}, which is not allowed")
    try:
        origin = URL(found["origin"].lower()).origin()
    except ValueError:
        raise _refused(text, "is not a valid URL") from None
    address = host.strip("[]")
    if host.startswith("[") or address.replace(".", "").isdecimal():
        check_public(address)
    rest = found["rest"] or "/"
    return url_of(origin, rest if rest.startswith("/") else f"/{rest}")


def _refused(text: str, why: str) -> BadRequestException:
    return BadRequestException(f"the target {text[:100]!r} {why}")
