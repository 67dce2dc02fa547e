"""A condition of a rule that anonymous clients must fulfil too."""

from abc import ABC, abstractmethod
from typing import Any

from bundles.security.token import Token
from rxkernel import Request


class Gate(ABC):
    """A condition about the message itself: its address, its scheme, the password of a folder.

    For bundles that create rules: ``attrs.evolve(access("public"), gate=…)``. It runs for each
    client, after its credential is verified and before the other conditions of the rule. Its text
    is shown where the rule is listed, so it must not contain a secret.
    """

    def reads_basic(self, request: Request) -> bool:
        """Whether it reads ``Authorization: Basic`` of *request* itself. The header is then not a
        credential of a user, even if the setting ``security.basic`` is true."""
        return False

    @abstractmethod
    def admits(self, token: Token[Any], request: Request) -> bool:
        """Whether the client with *token*, perhaps an anonymous one, may call the action.

        If it returns False, an anonymous client gets 401 and others 403. Raise an `HttpException`
        for another response. It runs before the body is read.
        """

    @abstractmethod
    def __str__(self) -> str: ...
