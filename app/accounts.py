"""Accounts: the users of the bundle security, stored in the database."""

import attrs
from injector import inject

from app.database import Database
from bundles.security import UserProvider


@attrs.frozen
class Account:
    """A user. Its name never changes: tokens, sessions and tasks contain it."""

    username: str
    password_hash: str = attrs.field(repr=False)


class UsernameTakenError(Exception):
    """Another account has this name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"the name {username!r} is taken")


class Accounts(UserProvider[Account]):
    """All accounts. `SecurityBundle(Accounts)` loads the user of each message with `load`."""

    @inject
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, identifier: str) -> Account | None:
        query = "SELECT username, password_hash FROM accounts WHERE username = ?"
        rows = await self._database.run(query, identifier)
        return next((Account(*row) for row in rows), None)

    async def save_password_hash(self, user: Account, password_hash: str, old_hash: str) -> None:
        statement = (
            "UPDATE accounts SET password_hash = ? WHERE username = ? AND password_hash = ?"
        )
        await self._database.run(statement, password_hash, user.username, old_hash)

    async def add(self, username: str, password_hash: str) -> Account:
        """Store a new account. Raises: UsernameTakenError."""
        statement = "INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING username"
        if not await self._database.run(statement, username, password_hash):
            raise UsernameTakenError(username)
        return Account(username, password_hash)
