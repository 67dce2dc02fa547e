"""Accounts: the users of the bundle security, stored in the database."""

from sqlalchemy.exc import IntegrityError

from app.tables import Account
from bundles.resources import unit_of_work
from bundles.resources.users import DatabaseUsers


class UsernameTakenError(Exception):
    """Another account has this name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"the name {username!r} is taken")


class Accounts(DatabaseUsers[Account]):
    """All accounts. `SecurityBundle(Accounts)` loads the user of each message from them."""

    identity_field = "username"

    async def add(self, username: str, password_hash: str) -> Account:
        """Store a new account. Raises: UsernameTakenError."""
        account = Account(username=username, password_hash=password_hash)
        try:
            async with unit_of_work() as work:
                work.session.add(account)
        except IntegrityError as exc:
            raise UsernameTakenError(username) from exc
        return account
