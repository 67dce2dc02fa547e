"""Clients are flushed in order, and independently of each other."""

import asyncio

from rxkernel.servers.socketio.flush_scheduler import FlushScheduler
from tests.waiting import until


async def test_flush_that_raises_does_not_delay_other_clients() -> None:
    """The exception handler of the loop gets the error, and both clients can be added again."""
    written: list[str] = []
    reported: list[BaseException] = []

    class Broken:
        def flush(self) -> None:
            written.append("broken")
            raise OSError("one write fails")

    class Fine:
        def flush(self) -> None:
            written.append("fine")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    scheduler = FlushScheduler(loop)

    for times in (1, 2):
        scheduler.add(Broken())
        scheduler.add(Fine())
        await until(lambda times=times: len(written) == 2 * times)  # type: ignore[misc]

    assert written == ["broken", "fine"] * 2
    assert [str(exc) for exc in reported] == ["one write fails"] * 2
