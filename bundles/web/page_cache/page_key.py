"""The key of a page: the parts of a request that it depends on."""

from collections.abc import Iterable
from typing import Any

from rxkernel import Request

PageKey = tuple[Any, ...]

NEGOTIATED = ("accept", "accept-language")
"""Request headers that are always part of the key, even if handlers do not set ``Vary``."""


def page_key(request: Request, varies: Iterable[str], session_id: str | None) -> PageKey | None:
    """Return the key of the page for *request*: route, method, scheme, host, path, query, client
    and the request headers *varies*.

    The client is its user and roles, and its session or access token if it has one: a handler may
    read the session.

    Args:
        session_id: of the session whose secret the client has sent, see `Sessions.sent_id`.

    Returns:
        None if the user has no identifier; if the request has a body, whose fields are parameters
        too; or if the client has sent a session, but its token comes from another credential: then
        it was not checked that the session still exists.
    """
    if request.body is not None or request.raw_body:
        return None
    token = request.token
    if session_id is not None and not _is_of_session(token, session_id):
        return None
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


def _is_of_session(token: Any, session_id: str) -> bool:
    """Whether *token* was created from the session with *session_id*."""
    credential, id = getattr(token, "credential", None), getattr(token, "id", None)
    return credential == "session" and id == session_id
