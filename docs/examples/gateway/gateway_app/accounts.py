"""The service ``accounts``: a client logs in by an action, and stays logged in until it leaves."""

import hmac
from typing import Any

from bundles.gateway import (
    Context,
    CurrentContext,
    MoleculerClientError,
    UnAuthorizedError,
    action,
)

_PASSWORDS = {"ada": "lovelace", "grace": "hopper"}
"""For this example only. The bundle security stores passwords safely."""


def user_of(ctx: Context) -> str:
    """Return the name of the user of the client.

    Raises:
        UnAuthorizedError: the client has not logged in.
    """
    user = ctx.meta.get("user")
    if user is None:
        raise UnAuthorizedError("Log in first", type="ERR_NO_USER")
    name: str = user["name"]
    return name


class Accounts:
    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext, name: str, password: str) -> dict[str, Any]:
        """The gateway saves ``meta["user"]`` after each successful call."""
        expected = _PASSWORDS.get(name.lower(), "")
        matches = hmac.compare_digest(password.encode(), expected.encode())
        if not matches or not expected:
            raise MoleculerClientError("Wrong name or password", 401, "ERR_WRONG_PASSWORD")
        ctx.meta["user"] = {"name": name.lower()}
        return {"name": name.lower()}

    @action("accounts.logout", visibility="published")
    async def logout(self, ctx: CurrentContext) -> None:
        client, *rooms = ctx.meta["$rooms"]
        await ctx.emit("accounts.logged_out", {"client": client})
        ctx.meta["user"] = None
        ctx.meta["$leave"] = rooms

    @action("accounts.me", visibility="published")
    async def me(self, ctx: CurrentContext) -> dict[str, Any] | None:
        """The user, or None."""
        user: dict[str, Any] | None = ctx.meta.get("user")
        return user
