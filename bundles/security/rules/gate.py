"""A condition of a rule that clients without an identity have to fulfil, too."""

from abc import ABC, abstractmethod
from typing import Any

from bundles.security.token import Token
from rxkernel import Request


class Gate(ABC):
    """A condition about the message itself: its address, its scheme, the password of a folder.

    For bundles that make rules: ``attrs.evolve(access("public"), gate=…)``. It runs for each
    client, after its credential is verified and before the other conditions of the rule. Its text
    is shown where the rule is listed, so it must not have a secret in it.
    """

    def reads_basic(self, request: Request) -> bool:
        """Whether it reads ``Authorization: Basic`` of *request* itself. The header is then not a
        credential of a user, also where the setting ``security.basic`` is true."""
        return False

    @abstractmethod
    def admits(self, token: Token[Any], request: Request) -> bool:
        """Whether the client with *token*, perhaps an anonymous one, may call the action.

        For False the response is 401 without an identity, and 403 with one. An `HttpException` is
        the response where another one is right. It runs before the body is read.
        """

    @abstractmethod
    def __str__(self) -> str: ...
