"""The text of a ``Set-Cookie`` header, refused here where a browser would drop it unsaid."""

from datetime import datetime
from email.utils import format_datetime
from http.cookies import SimpleCookie
from typing import Literal

from rxkernel.messages.cookies import VALUE

SameSite = Literal["Lax", "Strict", "None"]

_LIMIT = 4096
_SECURE = ("__secure-", "__host-")


def needs_secure(name: str) -> bool:
    """Whether browsers keep a cookie called *name* only when it is ``Secure``."""
    return name.lower().startswith(_SECURE)


def set_cookie_header(
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
) -> str:
    """Write a cookie (RFC 6265bis).

    Raises:
        http.cookies.CookieError: *name* is not a token.
        ValueError: a browser would not keep it; see `Response.set_cookie`.
    """
    _check_prefix(name, path, domain, secure)
    if not VALUE.fullmatch(value):
        raise ValueError(f"the value of cookie {name!r} has a control character or half a pair")
    if samesite == "None" and not secure:
        raise ValueError(f'cookie {name!r} has samesite="None"; that needs secure=True')
    for attribute, text in {"path": path, "domain": domain or ""}.items():
        if ";" in text:
            raise ValueError(f"the {attribute} of cookie {name!r} is {text!r}; it can have no ';'")
    cookie: SimpleCookie = SimpleCookie({name: value})
    if (size := len(f"{name}{cookie[name].coded_value}".encode())) > _LIMIT:
        raise ValueError(f"cookie {name!r} has {size} bytes; browsers keep no more than {_LIMIT}")
    attributes = {
        "max-age": max_age,
        "expires": expires and format_datetime(expires, usegmt=True),
        "path": path,
        "domain": domain,
        "secure": secure,
        "httponly": httponly,
        "samesite": samesite,
    }
    for attribute, setting in attributes.items():
        if setting is not None and setting is not False:
            cookie[name][attribute] = setting
    return cookie[name].OutputString()


def _check_prefix(name: str, path: str, domain: str | None, secure: bool) -> None:
    """RFC 6265bis §4.1.3; browsers compare the prefix without case."""
    if needs_secure(name) and not secure:
        raise ValueError(f"cookie {name!r} has a prefix that needs secure=True")
    if name.lower().startswith("__host-") and (path != "/" or domain is not None):
        raise ValueError(f'cookie {name!r} has a prefix that needs path="/" and no domain')
