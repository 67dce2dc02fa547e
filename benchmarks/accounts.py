"""A protected route, and a user of it."""

import attrs

from benchmarks.http.servers import settings
from bundles.security import (
    AccessTokens,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from rxkernel import Application, Request, http


@attrs.frozen
class Account:
    username: str
    roles: tuple[str, ...] = ("reader",)


_ADA = Account("ada")


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return _ADA if identifier == "ada" else None


class Protected:
    @access("authenticated")
    @http("GET", "/protected", "protected")
    async def protected(self, request: Request) -> object:
        return settings.HELLO


BUNDLE = SecurityBundle(Accounts, access="public")


def settings_of(*, keeps_verified: bool) -> SecuritySettings:
    """If *keeps_verified* is False, the token of each request is verified as if it was new."""
    tokens = TokenSettings(secret="secret of the benchmarks, 32 bytes", max_cached=1)
    return SecuritySettings(
        tokens=tokens if keeps_verified else attrs.evolve(tokens, max_cached=0)
    )


async def token_of(application: Application) -> str:
    """A new access token with HS256."""
    text, _ = await application.injector.get(AccessTokens).create("ada", ["reader"])
    return text
