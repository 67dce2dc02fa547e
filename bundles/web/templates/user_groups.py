"""The groups of the user who sent a request, for personal templates."""

from collections.abc import Collection

from rxkernel import Request


def groups_of(request: Request) -> Collection[str] | None:
    """Return the roles of the user; None for a guest."""
    token = request.token
    return token.roles if token is not None and token.is_authenticated else None
