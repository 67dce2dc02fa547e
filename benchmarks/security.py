"""A route that needs a user, and an access token for it."""

from benchmarks.http.servers import rxkernel_app, settings
from bundles.security import (
    AccessTokens,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from rxkernel import Application, HttpSettings, Request, Settings, http


class Users(UserProvider[str]):
    async def load(self, identifier: str) -> str | None:
        return identifier

    def identifier(self, user: str) -> str:
        return user

    def roles(self, user: str) -> tuple[str, ...]:
        return ()


class Protected:
    @access("authenticated")
    @http("GET", "/protected", "protected")
    async def protected(self, request: Request) -> object:
        return settings.HELLO


def application_with_security(http_settings: HttpSettings, *, max_cached: int) -> Application:
    """*max_cached*: of verified tokens; with 0 each request verifies the signature."""
    secret = "of-the-benchmarks-only-with-32-bytes"
    tokens = TokenSettings(secret=secret, max_cached=max_cached)
    return rxkernel_app.create(
        Settings(http=http_settings, bundles={"security": SecuritySettings(tokens=tokens)}),
        [Protected],
        [SecurityBundle(Users, access="public")],
    )


async def bearer(application: Application) -> str:
    """The header of a client with a new token."""
    token, _ = await application.injector.get(AccessTokens).create("ada")
    return f"Authorization: Bearer {token}"
