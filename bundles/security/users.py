"""`UserProvider`, which an application implements to load its users."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

U = TypeVar("U")

_FIELDS = ("identifier", "username", "id")


class UserProvider(ABC, Generic[U]):
    """Loads the users of an application. Only `load` must be written; the injector builds it.

    An exception of a provider becomes a 500, or the status of an `HttpException` (503 for a
    database that is down); it never makes a client anonymous.

    Attributes:
        identity_field: the attribute of a user that `identifier` returns. Empty: the first one of
            ``identifier``, ``username`` and ``id`` that the user has.
    """

    identity_field: ClassVar[str] = ""

    @abstractmethod
    async def load(self, identifier: str) -> U | None:
        """The user with *identifier*, which comes from a token or a session.

        Returns:
            None for a user that does not exist or must not log in.
        """

    async def load_for_login(self, login: str) -> U | None:
        """The user with *login*, which comes from a login form or from HTTP Basic.

        Override it if that is not the identifier: for example an email, which may change. The
        default calls `load`.
        """
        return await self.load(login)

    async def load_by_api_key(self, digest: str) -> U | None:
        """The user whose API key has the SHA-256 *digest* (64 hexadecimal digits).

        Store digests, never keys. Override it to accept API keys; the default returns None.
        """
        return None

    def identifier(self, user: U) -> str:
        """The identifier by which `load` finds *user*; it must not change while tokens are valid.

        Raises:
            AttributeError: *user* lacks all of the attributes, see `identity_field`.
        """
        names = (self.identity_field,) if self.identity_field else _FIELDS
        for name in names:
            value = getattr(user, name, None)
            if value is not None:
                return str(value)
        raise AttributeError(
            f"{type(user).__name__} has no {' or '.join(names)}; set identity_field of "
            f"{type(self).__name__} or override its identifier()"
        )

    def roles(self, user: U) -> Iterable[str]:
        """The roles of *user*, without those that the hierarchy adds. The default returns
        ``user.roles``, or an empty tuple."""
        roles: Any = getattr(user, "roles", ())
        return () if roles is None else roles

    def password_hash(self, user: U) -> str | None:
        """The hash that `Passwords` returned; None if *user* has no password, and so cannot log in
        with one. The default returns ``user.password_hash``.
        """
        found: str | None = getattr(user, "password_hash", None)
        return found

    async def save_password_hash(self, user: U, password_hash: str, old_hash: str) -> None:
        """Store *password_hash* for *user*, if *old_hash* is still stored: compare and set in one
        step, as ``UPDATE … WHERE password_hash = old_hash`` does. Otherwise a password that was
        changed meanwhile would be lost.

        Called when a login has verified a password whose hash is of an older kind. The default
        keeps the old hash.
        """
