"""Users of applications with the bundle `security`."""

import attrs

from bundles.security import UserProvider


@attrs.frozen
class Account:
    name: str
    roles: tuple[str, ...] = ()


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return Account(identifier)

    def identifier(self, user: Account) -> str:
        return user.name
