"""Checks the targets of redirects: a target is on this site, or on a host that is allowed.

A target often comes from the user. Browsers read some targets as URLs of other sites that a simple
check does not find (URL Standard: ``\\`` is ``/``, tabs are removed, ``https:evil`` has a host),
and some proxies decode a target first.
"""

import re
from collections.abc import Collection
from urllib.parse import unquote

from yarl import URL

from rxkernel.exceptions import BadRequestException

_TRICK = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]|^\s|\s$")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_AWAY = re.compile(r"[\s\x00-\x1f]*[/\\][\s\x00-\x1f]*[/\\]")
_SITE = re.compile(
    r"https?://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?(?=[/?#]|\Z)",
    re.ASCII | re.IGNORECASE,
)


def redirect_target(location: str, hosts: Collection[str]) -> str:
    """Check *location*, and return it quoted, as it is sent.

    Raises:
        BadRequestException: it leads to a host that is not in *hosts*, or browsers may read it
            as such a URL (400).
        TypeError: *hosts* is a str.
    """
    if isinstance(hosts, str):
        raise TypeError(f"hosts is {hosts!r}; it must be a collection of host names")
    if not location or _TRICK.search(location):
        raise _refusal(location, "is empty, or has a backslash, a control character or a space")
    try:
        target = str(URL(location))
    except (ValueError, IndexError) as exc:  # yarl: the latter for "//[::1]@"
        raise _refusal(location, f"is not a valid URL: {exc}") from exc
    if _SCHEME.match(target):
        _check_site(location, target, hosts)
    elif _leaves(unquote(location)) or _leaves(unquote(target)):
        raise _refusal(location, "leads to another site")
    return target


def _leaves(text: str) -> bool:
    return bool(_AWAY.match(text) or _SCHEME.match(text))


def _check_site(location: str, target: str, hosts: Collection[str]) -> None:
    site = _SITE.match(target)
    if site is None:
        raise _refusal(location, 'is not a URL like "https://example.org/path"')
    host = site["host"].lower()
    if {host, f"{host}{site['port'] or ''}"}.isdisjoint(map(str.lower, hosts)):
        raise _refusal(location, f"leads to another host, {host}; add it to hosts= to allow it")


def _refusal(location: str, why: str) -> BadRequestException:
    return BadRequestException(
        f"the redirect target {location[:100]!r} {why}. "
        "A target must be a path of this site, or a URL whose host is in hosts="
    )
