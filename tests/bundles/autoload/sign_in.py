"""An application whose endpoints start, restore and finish sessions."""

from typing import Any

import attrs

from bundles.security import (
    PasswordSettings,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
)
from bundles.sessions import SessionsBundle

FILES = {
    "api/auth.py": """
        from typing import Annotated

        from bundles.autoload import Context, api
        from bundles.security import Security
        from rxkernel import Inject
        from tests.bundles.autoload.sign_in import Account

        access = "public"

        async def sign_in(name: str, context: Context) -> str:
            return await context.start_session({"name": name, "count": 0})

        async def log_in(
            name: str, context: Context, security: Annotated[Security, Inject()]
        ) -> str:
            await security.login_session(Account(name), context.request)
            return await context.start_session({"name": name, "count": 0})

        async def restore(token: str, context: Context) -> bool:
            return await context.restore_session(token)

        async def sign_out(context: Context) -> None:
            await context.end_session()

        async def through_code(name: str) -> str:
            return await api.auth.sign_in(name=name)
        """,
    "api/counter/add.py": """
        from bundles.autoload import Context

        async def method(context: Context) -> int:
            context.session["count"] += 1
            return context.session["count"]
        """,
    "api/counter/who.py": """
        from bundles.autoload import Context

        access = "logged"

        async def method(context: Context) -> list[str]:
            return [context.request.user.username, context.session["name"]]
        """,
}


@attrs.frozen
class Account:
    username: str


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return Account(identifier) if identifier in ("ada", "eve") else None


BUNDLES: tuple[Any, ...] = (SessionsBundle, SecurityBundle(Accounts))

SECURITY = SecuritySettings(
    passwords=PasswordSettings(memory=8, iterations=1),
    tokens=TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!"),
)
