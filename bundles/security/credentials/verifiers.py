"""The interfaces by which authentication verifies tokens and passwords."""

from abc import ABC, abstractmethod
from typing import Any

from bundles.security.tokens.claims import Claims
from rxkernel import Request


class TokenVerifier(ABC):
    """Verifies access tokens."""

    def verified(self, text: str) -> Claims | None:
        """The claims of *text* if it was verified before and is valid now; None: call `verify`."""
        return None

    @abstractmethod
    async def verify(self, text: str) -> Claims:
        """The claims of the token *text*.

        Raises:
            BadCredentials: it is not a valid token of this application.
        """


class PasswordVerifier(ABC):
    """Verifies passwords, for HTTP Basic."""

    @abstractmethod
    async def user_and_hash(
        self, identifier: str, password: str, request: Request
    ) -> tuple[Any, str | None]:
        """Return the user with *identifier* and *password*, and the stored hash that was verified.

        Raises:
            BadCredentials: the user does not exist, or the password is wrong.
        """
