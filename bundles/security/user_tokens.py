"""Creates the tokens of `KernelClient.as_user`."""

from typing import Any

from injector import inject

from bundles.security.credentials.authentication import Authentication
from bundles.security.token import Token
from bundles.security.users import UserProvider
from rxkernel import UserTokens


class SecurityUserTokens(UserTokens):
    """The token is that of a user who has just logged in: fully authenticated, without an end."""

    @inject
    def __init__(
        self,
        authentication: Authentication,
        users: UserProvider,  # type: ignore[type-arg] # a key of the injector
    ) -> None:
        self._authentication = authentication
        self._users: UserProvider[Any] = users

    async def load(self, identifier: str) -> Any:
        return await self._users.load(identifier)

    def token_for(self, user: Any) -> Token[Any]:
        try:
            return self._authentication.token(user, "login")
        except AttributeError as exc:
            if not isinstance(user, str | int):
                raise
            raise TypeError(
                f"as_user({user!r}) got an identifier; pass a user, as load() of the "
                f"UserProvider returns it"
            ) from exc
