"""An application with accounts and rules, for the tests of this folder."""

import hashlib
import time
from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any

import attrs
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import OctKey

from bundles.security import (
    CurrentUser,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from rxkernel import Application, Bundle, Request, Settings, both, controller

SECRET = "s3cret-of-the-tests-with-32-bytes!"

PASSWORD = "s3cret of ada"

_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@attrs.define(eq=False)
class Account:
    username: str
    roles: list[str] = attrs.field(factory=list)
    api_key: str = attrs.field(default="", repr=False)
    password_hash: str | None = attrs.field(default=None, repr=False)


class Accounts(UserProvider[Account]):
    def __init__(self) -> None:
        self.by_name = {
            "ada": Account("ada", [], "key-of-ada", _HASHER.hash(PASSWORD)),
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


def token_of(identifier: str, seconds: float = 3600, kind: str = "fresh") -> str:
    """An access token that expires in *seconds*, signed with the secret of the application."""
    now = time.time()
    payload: dict[str, Any] = {
        "sub": identifier,
        "iat": min(now, now + seconds),
        "exp": now + seconds,
        "jti": token_urlsafe(16),
    }
    if kind == "refreshed":
        payload["refreshed"] = True
    return jwt.encode({"alg": "HS256"}, payload, OctKey.import_key(SECRET))


def id_of(token: str) -> str:
    """The ``jti`` of *token*."""
    found: str = jwt.decode(token, OctKey.import_key(SECRET)).claims["jti"]
    return found


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


TOKENS = TokenSettings(secret=SECRET, leeway=0)
"""With these settings no file of keys is made, and tokens end when they expire."""

ROLES = {"admin": ("editor",), "editor": ("author",)}


def application_of(
    *parts: Any,
    bundle: SecurityBundle | None = None,
    bundles: Sequence[type[Bundle]] = (),
    settings: SecuritySettings | None = None,
    **options: Any,
) -> Application:
    """An application with `Articles`, or with *parts* in place of it."""

    given = settings or SecuritySettings(roles=ROLES)
    tokens = given.tokens if given.tokens.secret else TOKENS
    return Application(
        bundles=[bundle or SecurityBundle(Accounts), *bundles],
        controllers=parts or [Articles],
        settings=Settings(
            health=True,
            bundles={"security": attrs.evolve(given, tokens=tokens)},
            **options,
        ),
    )
