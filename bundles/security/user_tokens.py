"""Makes the tokens of `KernelClient.as_user`."""

from typing import Any

from injector import inject

from bundles.security.authentication import Authentication
from bundles.security.token import Token
from rxkernel import UserTokens


class SecurityUserTokens(UserTokens):
    """The user has logged in: the token is authenticated fully, and does not expire."""

    @inject
    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def token_for(self, user: Any) -> Token[Any]:
        return self._authentication.token(user, "login")
