"""An application with accounts and rules, for the tests of this folder."""

import hashlib
import re
import time
from collections.abc import Sequence
from typing import Any

import attrs
from injector import Binder

from bundles.security import (
    BadCredentials,
    Claims,
    CurrentUser,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from bundles.security.verifiers import PasswordVerifier, TokenVerifier
from rxkernel import Application, Bundle, Request, Settings, both, controller


@attrs.define(eq=False)
class Account:
    username: str
    roles: list[str] = attrs.field(factory=list)
    api_key: str = ""


class Accounts(UserProvider[Account]):
    def __init__(self) -> None:
        self.by_name = {
            "ada": Account("ada", api_key="key-of-ada"),
            "eve": Account("eve", ["editor"]),
            "root": Account("root", ["admin"]),
        }
        self.failure: Exception | None = None

    async def load(self, identifier: str) -> Account | None:
        if self.failure is not None:
            raise self.failure
        return self.by_name.get(identifier)

    async def load_by_api_key(self, digest: str) -> Account | None:
        for account in self.by_name.values():
            if digest == hashlib.sha256(account.api_key.encode()).hexdigest():
                return account
        return None


class Tokens(TokenVerifier):
    """``ada.1700000000.fresh``: the parts of a token, without a signature."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    async def verify(self, text: str) -> Claims:
        if not re.fullmatch(r"\w+\.\d+\.\w+", text) or text in self.revoked:
            raise BadCredentials("not a token")
        identifier, expires, kind = text.split(".")
        if float(expires) <= time.time():
            raise BadCredentials("expired")
        return Claims(
            identifier=identifier, id=text, expires=float(expires), refreshed=kind == "refreshed"
        )


class Passwords(PasswordVerifier):
    async def user_with(self, identifier: str, password: str, request: Request) -> Any:
        if (identifier, password) != ("ada", "secret of ada"):
            raise BadCredentials("wrong password")
        return Account("ada")


def token_of(identifier: str, seconds: float = 3600, kind: str = "fresh") -> str:
    return f"{identifier}.{int(time.time() + seconds)}.{kind}"


def bearer(identifier: str, seconds: float = 3600, kind: str = "fresh") -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(identifier, seconds, kind)}"}


@access("authenticated")
@controller("/articles", name="article_")
class Articles:
    ran: list[str]

    def __init__(self) -> None:
        self.ran = []

    @both("PUT", "/{slug}", "change")
    @access(lambda token, request: request.param("slug") == token.user.username)
    async def change(self, slug: str, title: str, user: CurrentUser[Account]) -> str:
        self.ran.append("change")
        return f"{user.username} {title}"

    @access("public")
    @both("GET", "/{slug}", "show")
    async def show(self, slug: str, viewer: CurrentUser[Account] | None) -> str:
        return viewer.username if viewer is not None else "nobody"

    @access(roles="admin")
    @both("DELETE", "/{slug}", "delete", status_code=204)
    async def delete(self, slug: str) -> None:
        self.ran.append("delete")

    @access(roles=["editor", "author"])
    @both("POST", "/", "add")
    async def add(self, request: Request) -> list[str]:
        self.ran.append("add")
        return sorted(request.token.roles)

    @access("fully_authenticated")
    @both("POST", "/password", "password")
    async def password(self) -> None:
        self.ran.append("password")

    @both("GET", "/", "list")
    async def list(self, request: Request) -> str:
        return str(request.user.username)


TOKENS = TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!")
"""So that no file of keys is made."""

ROLES = {"admin": ("editor",), "editor": ("author",)}


def application_of(
    *parts: Any,
    bundle: SecurityBundle | None = None,
    bundles: Sequence[type[Bundle]] = (),
    settings: SecuritySettings | None = None,
    **options: Any,
) -> Application:
    """An application with `Articles`, or with *parts* in place of it."""

    def configure(binder: Binder) -> None:
        binder.bind(TokenVerifier, to=Tokens())  # type: ignore[type-abstract]
        binder.bind(PasswordVerifier, to=Passwords())  # type: ignore[type-abstract]

    given = settings or SecuritySettings(roles=ROLES)
    return Application(
        bundles=[bundle or SecurityBundle(Accounts), *bundles],
        controllers=parts or [Articles],
        modules=[configure],
        settings=Settings(
            health=True,
            bundles={"security": attrs.evolve(given, tokens=TOKENS)},
            **options,
        ),
    )
