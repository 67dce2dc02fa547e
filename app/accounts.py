"""Accounts: the users of the bundle security, stored in the database."""

from injector import inject
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.tables import Account
from bundles.resources import Database
from bundles.security import UserProvider


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
        async with self._database.session(readonly=True) as session:
            return await session.get(Account, identifier)

    async def save_password_hash(self, user: Account, password_hash: str, old_hash: str) -> None:
        statement = (
            update(Account)
            .where(Account.username == user.username, Account.password_hash == old_hash)
            .values(password_hash=password_hash)
        )
        async with self._database.unit_of_work() as work:
            await work.session.execute(statement)

    async def add(self, username: str, password_hash: str) -> Account:
        """Store a new account. Raises: UsernameTakenError."""
        account = Account(username=username, password_hash=password_hash)
        try:
            async with self._database.unit_of_work() as work:
                work.session.add(account)
        except IntegrityError as exc:
            raise UsernameTakenError(username) from exc
        return account
