"""The cookies of a test client, stored as a browser does for one site (RFC 6265 §5.3, §5.4)."""

from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie

from rxkernel.messages.cookies import parse_cookies


class CookieJar(MutableMapping[str, str]):
    """Cookies by name, set by the test or by a ``Set-Cookie`` of a response over HTTP.

    Paths are respected. ``Max-Age`` and ``Expires`` are checked once: an expired cookie is removed
    when it is set, but no cookie expires later. All requests are to one trusted site, so
    ``Domain``, ``Secure``, ``HttpOnly`` and ``SameSite`` are ignored.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._values: dict[tuple[str, str], str] = {}
        self.update(given or {})

    def __getitem__(self, name: str) -> str:
        for (known, _), value in self._values.items():
            if known == name:
                return value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self._remove(name)
        self._values[name, "/"] = value

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._remove(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._values))

    def __len__(self) -> int:
        return len(set(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

    def _remove(self, name: str) -> None:
        self._values = {key: value for key, value in self._values.items() if key[0] != name}

    def sent_to(self, path: str) -> dict[str, str]:
        """The cookies of a request for *path*, those with the longest path first."""
        found: dict[str, str] = {}
        for (name, own), value in sorted(self._values.items(), key=_longest_path):
            if path == own or path.startswith(own if own.endswith("/") else f"{own}/"):
                found.setdefault(name, value)
        return found

    def keep(self, set_cookie: str, path: str) -> None:
        """Store or remove the cookie of a ``Set-Cookie`` header in the response for *path*."""
        pair, *given = set_cookie.split(";")
        attributes = {
            name.strip().lower(): value.strip()
            for name, _, value in (attribute.partition("=") for attribute in given)
        }
        own = attributes.get("path", "")
        if not own.startswith("/"):
            own = path.rpartition("/")[0] or "/"
        for name, value in parse_cookies(pair).items():
            self._values.pop((name, own), None)
            if not _is_expired(attributes):
                self._values[name, own] = value


def cookie_header(cookies: Mapping[str, str]) -> str:
    """The ``Cookie`` header with *cookies*.

    Raises:
        http.cookies.CookieError: a cookie has an invalid name.
    """
    encoded: SimpleCookie = SimpleCookie(cookies)
    return "; ".join(f"{name}={morsel.coded_value}" for name, morsel in encoded.items())


def _longest_path(item: tuple[tuple[str, str], str]) -> int:
    return -len(item[0][1])


def _is_expired(attributes: Mapping[str, str]) -> bool:
    """Whether the cookie has expired. ``Max-Age`` overrides ``Expires``; invalid values are
    ignored."""
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return int(age) <= 0
    try:
        expires = parsedate_to_datetime(attributes.get("expires", ""))
    except ValueError:
        return False
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=UTC)
    return expires <= datetime.now(UTC)
