"""The server to which a rule forwards requests."""

import attrs
from yarl import URL

from bundles.web.routes.route import Route

_SCHEMES = ("http", "https")


@attrs.frozen
class Origin:
    """Scheme, host and port, which are fixed: they contain no group of ``url``.

    Attributes:
        url: such as ``http://127.0.0.1:8080``.
        path: the path of ``target``, or None.
    """

    url: str
    path: str | None = None


def origin_of(route: Route, problems: list[str]) -> Origin | None:
    """Return the server to which *route* forwards requests; None if it does not forward. Appends
    to *problems*."""
    parts = [name for name in ("host", "port", "scheme") if getattr(route, name) is not None]
    if route.target is not None:
        if parts:
            problems.append(f"has target and {' and '.join(parts)}; write target only")
        if not isinstance(route.target, str):
            problems.append(f"target is {route.target!r}; write a str like http://127.0.0.1:8080")
            return None
        return _of_target(route.target, problems)
    if route.host is not None:
        return _of_parts(route, problems)
    if parts:
        problems.append(f"has {' and '.join(parts)} without host; write host, or target")
    return None


def _of_target(target: str, problems: list[str]) -> Origin | None:
    scheme, separator, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if not separator or scheme not in _SCHEMES:
        problems.append(f"target is {target!r}; it must begin with http:// or https://")
        return None
    if "[" in authority and not _is_ipv6(authority):
        problems.append(
            f"target is {target!r}; its host cannot be a group, since a client would choose it; "
            f"write a rule for each host"
        )
        return None
    url = _checked(f"{scheme}://{authority}", target, "target", problems)
    return None if url is None else Origin(url, f"/{path}" if slash else None)


def _is_ipv6(authority: str) -> bool:
    return authority.startswith("[") and ":" in authority.partition("]")[0]


def _of_parts(route: Route, problems: list[str]) -> Origin | None:
    scheme = route.scheme or "http"
    if scheme not in _SCHEMES:
        problems.append(f"scheme is {scheme!r}; write http or https")
        return None
    port = route.port
    if port is not None and not (type(port) is int and 1 <= port <= 65535):
        problems.append(f"port is {port!r}; it must be a number from 1 to 65535")
        return None
    host = str(route.host)
    if "[" in host and not _is_ipv6(host):
        problems.append(
            f"host is {host!r}; it cannot be a group, since a client would choose it; write a "
            f"rule for each host"
        )
        return None
    written = f"[{host}]" if ":" in host and not host.startswith("[") else host
    end = "" if port is None else f":{port}"
    url = _checked(f"{scheme}://{written}{end}", host, "host", problems, is_host=True)
    return None if url is None else Origin(url)


def _checked(
    text: str, given: str, name: str, problems: list[str], *, is_host: bool = False
) -> str | None:
    """Return the origin of the URL *text*, which must consist of scheme, host and port."""
    try:
        url = URL(text)
        is_valid = bool(url.host) and url.user is None and url.path in ("", "/")
        is_valid = is_valid and not (url.query_string or url.fragment or " " in text)
        url.port  # noqa: B018 - raises for an invalid one
    except ValueError:
        is_valid = False
    if not is_valid:
        example = "shop.example.org" if is_host else "http://127.0.0.1:8080"
        problems.append(f"{name} is {given!r}, which is invalid; write it like {example}")
        return None
    return str(url.origin())
