"""The timeout of one handler."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from rxkernel import RequestTimeoutException

Call = Callable[..., Awaitable[Any]]


def with_timeout(call: Call, seconds: float) -> Call:
    """Return *call*, which is cancelled after *seconds*; the response is then 408."""

    async def limited(*arguments: Any) -> Any:
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                return await call(*arguments)
        except TimeoutError as exc:
            if not timeout.expired():
                raise
            raise RequestTimeoutException from exc

    return limited
