"""A site of handler directories: `python -m rxkernel serve` in this folder."""

from pathlib import Path

import attrs

from bundles.autoload import create_application
from bundles.security import UserProvider

PASSWORD_HASH = (  # of "correct horse"
    "$argon2id$v=19$m=65536,t=2,p=1"
    "$V8NA/ZDN4L3+yDxh2PF/ng$DZjUQndDzgo3foh+XJL0Ql8aD2NqJehUlrQmaVESjoQ"
)


@attrs.frozen
class User:
    username: str
    password_hash: str = attrs.field(repr=False)


USERS = {name: User(name, PASSWORD_HASH) for name in ("ada", "bob")}


class Users(UserProvider[User]):
    async def load(self, identifier: str) -> User | None:
        return USERS.get(identifier)


application = create_application(Path(__file__).with_name("application"), users=Users)
