"""What `kernel.definition` passes to wrappers."""

from collections.abc import Awaitable, Callable
from typing import Any

from rxkernel import Request

Action = Callable[[Request], Awaitable[Any]]
