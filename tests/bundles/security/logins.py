"""An application whose users log in with passwords, for the tests of logins."""

from typing import Any

import attrs
from argon2 import PasswordHasher

from bundles.security import (
    CurrentUser,
    PasswordSettings,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from bundles.sessions import SessionsBundle
from rxkernel import (
    Application,
    HttpSettings,
    KernelClient,
    LoggingSettings,
    Request,
    Response,
    Settings,
    both,
    controller,
)

CHEAP = PasswordSettings(memory=8, iterations=1)
SECRET = "s3cret-of-the-tests-with-32-bytes!"

_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def password_of(name: str) -> str:
    return f"s3cret-{name}"


@attrs.define(eq=False)
class Account:
    username: str
    password_hash: str | None = attrs.field(repr=False)
    roles: list[str] = attrs.field(factory=list)


class Accounts(UserProvider[Account]):
    def __init__(self) -> None:
        self.by_name: dict[str, Account] = {}
        self.failure: Exception | None = None
        self.saved: list[str] = []
        for name in ("ada", "eve"):
            self.add(name)
        self.by_name["guest"] = Account("guest", None)

    def add(self, name: str, *roles: str) -> Account:
        hashed = _HASHER.hash(password_of(name))
        account = self.by_name[name] = Account(name, hashed, list(roles))
        return account

    async def load(self, identifier: str) -> Account | None:
        if self.failure is not None:
            raise self.failure
        return self.by_name.get(identifier)

    async def save_password_hash(self, user: Account, password_hash: str, old_hash: str) -> None:
        self.saved.append(user.username)
        if user.password_hash == old_hash:
            user.password_hash = password_hash


@access("authenticated")
@controller("/notes", name="note_")
class Notes:
    @both("GET", "/mine", "mine")
    async def mine(self, user: CurrentUser[Account]) -> str:
        return user.username

    @both("GET", "/roles", "roles")
    async def roles(self, request: Request) -> list[str]:
        return sorted(request.token.roles)

    @access("fully_authenticated")
    @both("GET", "/secret", "secret")
    async def secret(self) -> str:
        return "secret"

    @access("public")
    @both("GET", "/credential", "credential")
    async def credential(self, request: Request) -> str:
        return str(request.token.credential)


def logins(
    accounts: Accounts | None = None,
    *,
    with_sessions: bool = True,
    fast_path: bool = True,
    tokens: TokenSettings | None = None,
    logging: LoggingSettings | None = None,
    passwords: PasswordSettings = CHEAP,
    **security: Any,
) -> Application:
    sessions = (SessionsBundle,) if with_sessions else ()
    return Application(
        bundles=[*sessions, SecurityBundle(accounts or Accounts())],
        controllers=[Notes],
        settings=Settings(
            http=HttpSettings(port=0, fast_path=fast_path),
            logging=logging or LoggingSettings(),
            bundles={
                "security": SecuritySettings(
                    passwords=passwords, tokens=tokens or TokenSettings(secret=SECRET), **security
                )
            },
        ),
    )


async def login(client: KernelClient, name: str = "ada", **body: Any) -> Response:
    """Log in with the password of *name*, or with the fields of *body*."""
    body = {"username": name, "password": password_of(name), **body}
    return await client.http("security_login", body=body)
