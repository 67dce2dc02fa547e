"""What a page depends on."""

from collections.abc import Iterable
from typing import Any

from rxkernel import Request

PageKey = tuple[Any, ...]

NEGOTIATED = ("accept", "accept-language")
"""Request headers by which handlers select a form, also if they do not set ``Vary``."""


def page_key(request: Request, varies: Iterable[str]) -> PageKey | None:
    """Return the key of the page for *request*: route, method, scheme, host, path, query, client
    and the request headers *varies*. None if its user has no identifier, or if it has a body,
    whose fields are parameters, too.

    The client is its user and roles, and its session or access token if it has one: a handler may
    read the session.
    """
    if request.body is not None or request.raw_body:
        return None
    token = request.token
    client = None
    if token is not None:
        identifier = getattr(token, "identifier", None)
        if identifier is None and token.user is not None:
            return None
        roles = getattr(token, "roles", None)
        client = (
            identifier,
            roles,
            getattr(token, "credential", None),
            getattr(token, "id", None),
        )
    headers = request.headers
    values = (tuple(headers.getall(name, ())) for name in varies)
    return (
        request.route_name,
        request.method,
        request.base_url,
        request.url,
        client,
        *values,
    )
