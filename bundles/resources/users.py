"""`DatabaseUsers`: users in a table of the database."""

from typing import Any, ClassVar, TypeVar

from injector import inject
from sqlalchemy import Select, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.databases import Databases
from bundles.resources.database.message_sessions import session_with_lock_of
from bundles.resources.database.mode import READS, WRITES
from bundles.resources.entities.column_value import ABSENT, ColumnValue
from bundles.resources.entities.mapped import column_of, entity_of, is_unique
from bundles.security import UserProvider
from rxkernel import ConfigurationError

U = TypeVar("U")


class DatabaseUsers(UserProvider[U]):
    """``class Accounts(DatabaseUsers[Account])`` with ``identity_field = "email"``.

    A user is read in a separate short transaction, and detached, so that it can be used after the
    message, for example by a socket. Relations that an access rule needs must be loaded by
    `select`.

    Attributes:
        entity: the class of the users.
        identity_field: the unique attribute that tokens and sessions contain.
        login_field: the unique attribute that a login form sends. Empty: the *identity_field*.
        password_field: the attribute with the hash of the password.
        api_key_field: the unique attribute with the SHA-256 of the API key, in hexadecimal digits.
            Empty: there are no API keys.
    """

    entity: ClassVar[Any] = None
    login_field: ClassVar[str] = ""
    password_field: ClassVar[str] = "password_hash"
    api_key_field: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.entity = entity_of(cls, DatabaseUsers) or cls.entity

    @inject
    def __init__(self, databases: Databases) -> None:
        entity = self.entity
        name = type(self).__qualname__
        if entity is None:
            raise ConfigurationError(
                f"{name} does not name its entity; write class {name}(DatabaseUsers[…]) with a "
                f"mapped class"
            )
        if not self.identity_field:
            raise ConfigurationError(
                f"{name} has no identity_field; write the name of the unique attribute of "
                f"{entity.__qualname__} that tokens and sessions have"
            )
        self._check()
        self._database = databases.of(entity)
        self._identity = ColumnValue(column_of(entity, self.identity_field))
        self._login = ColumnValue(column_of(entity, self.login_field or self.identity_field))
        self._api_key = (
            ColumnValue(column_of(entity, self.api_key_field)) if self.api_key_field else None
        )

    def _check(self) -> None:
        """Check the attributes of the entity. The default of *password_field* may be
        missing, since users may have no passwords.

        Raises:
            ConfigurationError: lists every missing or unsuitable attribute.
        """
        problems: list[str] = []
        for name in ("identity_field", "login_field", "api_key_field", "password_field"):
            field = getattr(self, name)
            is_default = name == "password_field" and field == DatabaseUsers.password_field
            if not field or (is_default and not hasattr(self.entity, field)):
                continue
            place = f"{type(self).__qualname__}.{name}"
            try:
                column = column_of(self.entity, field)
            except ConfigurationError as error:
                problems += (f"{place}: {problem}" for problem in error.problems)
                continue
            if name != "password_field" and not is_unique(column):
                problems.append(
                    f"{place}: {self.entity.__qualname__}.{field}, by which it finds a user, is "
                    f"not unique; declare it unique=True"
                )
        if problems:
            raise ConfigurationError(*problems)

    def select(self) -> Select[U]:
        """Return the statement for the users that may log in. Override it to add conditions or
        options: ``super().select().where(Account.is_active)``."""
        return select(self.entity)

    async def load(self, identifier: str) -> U | None:
        return await self._find(self.identity_field, self._identity, identifier)

    async def load_for_login(self, login: str) -> U | None:
        return await self._find(self.login_field or self.identity_field, self._login, login)

    async def load_by_api_key(self, digest: str) -> U | None:
        if self._api_key is None:
            return None
        return await self._find(self.api_key_field, self._api_key, digest)

    async def _find(self, field: str, value_of: ColumnValue, text: str) -> U | None:
        value = value_of.read(text)
        if value is ABSENT:
            return None
        statement = self.select().where(getattr(self.entity, field) == value)
        async with AsyncSession(self._database.engine_beside(READS)) as session:
            found = (await session.scalars(statement)).unique().one_or_none()
        # MariaDB ignores case when it compares texts, but tokens are for exactly one identifier
        return found if found is not None and getattr(found, field) == value else None

    def password_hash(self, user: U) -> str | None:
        found: str | None = getattr(user, self.password_field, None)
        return found

    async def save_password_hash(self, user: U, password_hash: str, old_hash: str) -> None:
        is_old = getattr(self.entity, self.password_field) == old_hash
        is_user = getattr(self.entity, self.identity_field) == getattr(user, self.identity_field)
        statement = update(self.entity).where(is_user, is_old)
        values = statement.values({self.password_field: password_hash})
        options = {"synchronize_session": False}
        if (held := session_with_lock_of(self._database)) is not None:
            # SQLite has one write lock, so the session of the message is used; if the message is
            # rolled back, the old hash stays
            changed = await held.execute(values, execution_options=options)
        else:
            async with AsyncSession(self._database.engine_beside(WRITES)) as session:
                changed = await session.execute(values, execution_options=options)
                await session.commit()
        if isinstance(changed, CursorResult) and changed.rowcount:
            setattr(user, self.password_field, password_hash)
