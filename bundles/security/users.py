"""Where the users of an application are: the one class that a project writes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

U = TypeVar("U")

_FIELDS = ("identifier", "username", "id")


class UserProvider(ABC, Generic[U]):
    """Loads the users of an application. Only `load` must be written; the injector builds it.

    An exception of a provider is a 500, or the status of an `HttpException` (503 for a database
    that is down); it never makes a client anonymous.

    Attributes:
        identity_field: the attribute of a user that `identifier` returns. Empty: the first that
            the user has of ``identifier``, ``username`` and ``id``.
    """

    identity_field: ClassVar[str] = ""

    @abstractmethod
    async def load(self, identifier: str) -> U | None:
        """The user with *identifier*, as it is in a token and in a session.

        Returns:
            None for a user that does not exist or must not log in.
        """

    async def load_for_login(self, login: str) -> U | None:
        """The user with *login*, as it is in a login form and in HTTP Basic.

        Override it if that is not the identifier: an email that may change, for example. The
        default calls `load`.
        """
        return await self.load(login)

    async def load_by_api_key(self, digest: str) -> U | None:
        """The user whose API key has the SHA-256 *digest* (64 hexadecimal digits).

        Store digests, never keys. Override it to serve API keys; the default knows none.
        """
        return None

    def identifier(self, user: U) -> str:
        """The text that `load` finds *user* by; it must not change while tokens are valid."""
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
        """The roles of *user*, without those that the hierarchy adds: ``user.roles``, or none."""
        roles: Any = getattr(user, "roles", ())
        return () if roles is None else roles

    def password_hash(self, user: U) -> str | None:
        """The hash that `Passwords` made: ``user.password_hash``; None if *user* has no password
        and so cannot log in with one.
        """
        found: str | None = getattr(user, "password_hash", None)
        return found

    async def save_password_hash(self, user: U, password_hash: str, old_hash: str) -> None:
        """Store *password_hash* as that of *user*, if *old_hash* is still stored: compare and set
        in one step, as ``UPDATE … WHERE password_hash = old_hash`` does. Otherwise a password that
        was changed meanwhile would be lost.

        Called when a login has verified a password whose hash is of an older kind. The default
        keeps the old one.
        """
