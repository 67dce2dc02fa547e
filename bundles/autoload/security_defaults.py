"""The defaults of the bundle security for an application from a directory; imported only then."""

from secrets import token_urlsafe
from typing import Any

from bundles.security import (
    RouteSettings,
    SecuritySettings,
    TokenSettings,
    UserProvider,
)


class NoUsers(UserProvider[Any]):
    """A provider without users: sessions work, but logins are not possible."""

    async def load(self, identifier: str) -> None:
        return None


def settings_without_users() -> SecuritySettings:
    """Return settings without routes for logins, and without a file for the key of tokens."""
    return SecuritySettings(
        routes=RouteSettings(login=False, refresh_token=False, logout=False),
        socket_events=False,
        tokens=TokenSettings(secret=token_urlsafe(48)),
    )
