"""The interface between `KernelClient.as_user` and the bundle that authenticates messages."""

from abc import ABC, abstractmethod
from typing import Any


class UserTokens(ABC):
    """Creates the token of a user in a test. A bundle that sets `Request.token` binds it, and must
    not replace a token that is set already."""

    @abstractmethod
    async def load(self, identifier: str) -> Any:
        """The user that the application loads for *identifier*; None if it does not exist."""

    @abstractmethod
    def token_for(self, user: Any) -> Any:
        """The `Request.token` of messages that *user* sends."""
