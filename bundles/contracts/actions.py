"""The types of actions and of their wrappers."""

from collections.abc import Awaitable, Callable
from typing import Any

from rxkernel import Request

Action = Callable[[Request], Awaitable[Any]]
