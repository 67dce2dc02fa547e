"""The text of a ``Set-Cookie`` header; a cookie that browsers would ignore raises an error."""

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from http.cookies import SimpleCookie
from typing import Literal

from rxkernel.messages.cookies import VALUE

SameSite = Literal["Lax", "Strict", "None"]

_LIMIT = 4096
_SECURE = ("__secure-", "__host-")
_COOKIES: SimpleCookie = SimpleCookie()


def needs_secure(name: str) -> bool:
    """Whether browsers accept a cookie called *name* only if it is ``Secure``."""
    return name.lower().startswith(_SECURE)


def set_cookie_header(
    name: str,
    value: str,
    max_age: int | None,
    expires: datetime | None,
    path: str,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: SameSite | None,
) -> str:
    """Write a cookie (RFC 6265bis).

    Raises:
        http.cookies.CookieError: *name* is not a token.
        ValueError: a browser would not keep it; see `Response.set_cookie`.
    """
    if max_age is not None and type(max_age) is not int:
        raise TypeError(
            f"max_age of cookie {name!r} is {max_age!r}; it must be an int, in seconds"
        )
    if value.isascii() and value.isalnum():
        coded = value  # the common case, such as session ids
    elif VALUE.fullmatch(value):
        coded = _COOKIES.value_encode(value)[1]
    else:
        raise ValueError(f"the value of cookie {name!r} has a control character or a surrogate")
    if (size := len(name) + len(coded.encode())) > _LIMIT:
        raise ValueError(f"cookie {name!r} has {size} bytes; browsers keep no more than {_LIMIT}")
    until = None if expires is None else format_datetime(expires, usegmt=True)
    end = _attributes(name, max_age, until, path, domain, secure, httponly, samesite)
    return f"{name}={coded}{end}"


@lru_cache(maxsize=256, typed=True)
def _attributes(
    name: str,
    max_age: int | None,
    expires: str | None,
    path: str,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: SameSite | None,
) -> str:
    """The attributes after the value, cached: an application has few kinds of cookies.

    Raises:
        http.cookies.CookieError: *name* is not a token.
        ValueError: a browser would not keep such a cookie.
    """
    _check_prefix(name, path, domain, secure)
    if samesite == "None" and not secure:
        raise ValueError(f'cookie {name!r} has samesite="None"; that needs secure=True')
    for attribute, text in {"path": path, "domain": domain or ""}.items():
        if ";" in text:
            raise ValueError(f"the {attribute} of cookie {name!r} is {text!r}; ';' is not allowed")
    attributes = {
        "max-age": max_age,
        "expires": expires,
        "path": path,
        "domain": domain,
        "secure": secure,
        "httponly": httponly,
        "samesite": samesite,
    }
    cookie: SimpleCookie = SimpleCookie({name: ""})
    for attribute, setting in attributes.items():
        if setting is not None and setting is not False:
            cookie[name][attribute] = setting
    return cookie[name].OutputString().removeprefix(f'{name}=""')


def _check_prefix(name: str, path: str, domain: str | None, secure: bool) -> None:
    """See RFC 6265bis §4.1.3; browsers ignore the case of the prefix."""
    if needs_secure(name) and not secure:
        raise ValueError(f"cookie {name!r} has a prefix that needs secure=True")
    if name.lower().startswith("__host-") and (path != "/" or domain is not None):
        raise ValueError(f'cookie {name!r} has a prefix that needs path="/" and no domain')
