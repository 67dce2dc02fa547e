"""Connections whose commands end when they are cancelled; needed with Python 3.11."""

import asyncio
from functools import cache
from typing import Any

from redis.asyncio import Connection
from redis.asyncio.connection import AbstractConnection, parse_url


class _Cancellable(AbstractConnection):
    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        """Send a command as redis-py does: by `asyncio.wait_for`, which in Python 3.11 returns
        although its task is cancelled, if the command has just been sent. The cancellation would
        be lost, and with it a timeout: https://github.com/python/cpython/issues/86296."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(*args, **options)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # the next command would read the reply
            raise asyncio.CancelledError


def options_of(url: str) -> dict[str, Any]:
    """The arguments of a pool of redis-py for *url*."""
    options: dict[str, Any] = dict(parse_url(url))
    options["connection_class"] = _cancellable(options.get("connection_class", Connection))
    return options


@cache
def _cancellable(base: type[AbstractConnection]) -> type[AbstractConnection]:
    return type(f"Cancellable{base.__name__}", (_Cancellable, base), {})
