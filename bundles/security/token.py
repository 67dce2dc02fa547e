"""The identity of the client that sent a message, as `request.token` holds it."""

from typing import Any, Generic, Literal, TypeVar

import msgspec

U = TypeVar("U")

Credential = Literal["anonymous", "bearer", "session", "basic", "api_key", "login"]
"""What the client proved its identity with."""


# A Struct: one is created for each message, and a frozen class of attrs takes ten times as long.
class Token(msgspec.Struct, Generic[U], frozen=True, kw_only=True, eq=False):
    """The user who sent the message, and the kind of its credential. The credential itself is not
    kept.

    Attributes:
        user: as loaded by the `UserProvider`; None for an anonymous client. Policies are not
            called for anonymous clients.
        identifier: of the user, as in `UserProvider.load`.
        roles: of the user, with all roles that the hierarchy adds.
        is_authenticated: False only for an anonymous client.
        is_fully_authenticated: False also for an access token that was created from a refresh
            token: the login may be long ago.
        credential: the kind of the credential; ``session`` also for a session without a user.
        expires: when the credential ends, in seconds since 1970; None if it does not.
        id: the ``jti`` of an access token, or the id of a session.
    """

    user: U
    identifier: str | None = None
    roles: frozenset[str] = frozenset()
    is_authenticated: bool = False
    is_fully_authenticated: bool = False
    credential: Credential = "anonymous"
    expires: float | None = None
    id: str | None = None

    def has_role(self, name: str) -> bool:
        """Whether the user has the role *name*, by itself or by the hierarchy."""
        return name in self.roles

    def __repr__(self) -> str:
        return (
            f"<Token {self.identifier!r} {self.credential} roles={sorted(self.roles)} "
            f"is_fully_authenticated={self.is_fully_authenticated}>"
        )


ANONYMOUS: Token[Any] = Token(user=None)
"""The token of each message without a credential."""
