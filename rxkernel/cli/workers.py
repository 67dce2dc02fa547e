"""``serve --workers N``: a supervisor keeps several processes running that share one HTTP port."""

import asyncio
import logging
import socket
from collections.abc import Sequence

import click

from rxkernel.cli.acceptor import Acceptor
from rxkernel.cli.children import Children
from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.request_heads import RequestHeads
from rxkernel.cli.service_manager import ServiceManager
from rxkernel.cli.signals import StopRequest
from rxkernel.cli.worker_slot import WorkerSlot

logger = logging.getLogger(__name__)


async def supervise(
    arguments: Sequence[str],
    count: int,
    listening: Sequence[socket.socket] = (),
    heads: RequestHeads | None = None,
) -> int:
    """Keep *count* children with *arguments* running until a stop; return the exit code.

    Without *listening*, the children open the port, and get each SIGHUP that this process gets.
    With it, this process accepts the connections, see `Acceptor`, and restarts the children one
    after the other on SIGHUP.

    The first starts alone, so that an error common to all is reported once. The code is 2 if a
    child exited with 2 before it listened, as for an invalid setting, and 1 for a crash loop, see
    `WorkerSlot.keep`, or a child that did not stop in time.
    """
    children = Children()
    service = ServiceManager()
    acceptor = Acceptor(listening, count, heads) if listening else None
    slots = [WorkerSlot(number, arguments, children, acceptor) for number in range(1, count + 1)]
    for slot in slots:
        slot.others = [other for other in slots if other is not slot]
    restarts = _Restarts(slots, service)

    def hang_up() -> None:
        if acceptor is not None:
            restarts.ask()
        else:
            with service.reloading():
                children.hang_up()

    def stop_all() -> None:
        restarts.stop()
        for slot in slots:
            slot.stop()
        if acceptor is not None:
            acceptor.stop()
        children.stop()
        service.stopping()

    with (
        StopRequest(before_force=children.kill) as stop,
        on_hangup(hang_up, terminal_closed=stop.ask),
        service,
    ):
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: stop_all())
        keeping: list[asyncio.Task[int]] = []
        for batch in slots[:1], slots[1:]:
            keeping += (_keep(slot, stop) for slot in batch)
            ready = asyncio.gather(*(slot.listens for slot in batch))
            await asyncio.wait((ready, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                break
        else:
            places = f"{slots[0].listens.result()} with {count} workers"
            click.echo(f"Listening on {places}")
            service.ready(f"Listening on {places}")
        codes = await asyncio.gather(*keeping)
        stopping.cancel()
        await restarts.wait()
        if acceptor is not None:
            acceptor.close()
        return max(codes)


def _keep(slot: WorkerSlot, stop: StopRequest) -> asyncio.Task[int]:
    """Run one slot; when it gives up, stop all."""
    task = asyncio.create_task(slot.keep())
    task.add_done_callback(lambda _: stop.ask())
    return task


class _Restarts:
    """Replaces the workers one after the other whenever it is asked to."""

    def __init__(self, slots: Sequence[WorkerSlot], service: ServiceManager) -> None:
        self._slots = slots
        self._service = service
        self._is_asked = False
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Restart all workers; if that is going on, once more after it."""
        self._is_asked = not self._is_stopping
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._is_asked:
            self._is_asked = False
            with self._service.reloading():
                await self._replace_all()

    async def _replace_all(self) -> None:
        for slot in self._slots:
            is_replaced = await slot.replace()
            if self._is_stopping:
                return
            if not is_replaced:
                logger.error("a new worker did not start; the workers that run are kept")
                return
        logger.info("all workers were restarted")

    def stop(self) -> None:
        """Start no further worker."""
        self._is_asked = False
        self._is_stopping = True

    async def wait(self) -> None:
        """After `stop`: wait for the end of a restart that has begun."""
        if self._task is not None:
            await self._task
