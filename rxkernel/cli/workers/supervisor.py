"""``serve --workers N``: a supervisor keeps several processes running."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence

import attrs
import click

from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.service_manager import ServiceManager
from rxkernel.cli.signals import StopRequest
from rxkernel.cli.workers.acceptor import Acceptor
from rxkernel.cli.workers.balancer import Balancer
from rxkernel.cli.workers.children import Children
from rxkernel.cli.workers.merged_reports import MergedReports
from rxkernel.cli.workers.request_heads import RequestHeads
from rxkernel.cli.workers.worker_slot import WorkerSlot
from rxkernel.cpus import usable_cpus

logger = logging.getLogger(__name__)

_RETRY = 30.0
"""Seconds between tries to replace a worker beyond its limit, if its successor did not start."""


@attrs.frozen(kw_only=True)
class WorkerPlan:
    """How one worker is started.

    Attributes:
        arguments: a command of rxkernel, without the options of its place.
        listening: its port; empty if the supervisor accepts its connections.
    """

    arguments: Sequence[str]
    listening: Sequence[socket.socket] = ()


@attrs.frozen(kw_only=True)
class Accepting:
    """The port whose connections the supervisor accepts, see `Acceptor`."""

    listening: Sequence[socket.socket]
    heads: RequestHeads | None


async def supervise(
    plans: Sequence[WorkerPlan],
    accepting: Accepting | None = None,
    *,
    restarts_on_hangup: bool,
    balancer: Balancer | None = None,
) -> int:
    """Keep a child for each of *plans* running until a stop; return the exit code.

    With *restarts_on_hangup*, SIGHUP restarts the children one after the other; otherwise they
    also get the signal. A child that has reached a limit of `WorkersSettings` is replaced.

    The first child starts alone, so that an error common to all is reported once; then as many
    start at once as there are CPUs. The code is 2 if a child exited with 2 before it listened, for
    example because of an invalid setting. It is 1 after a crash loop, see `WorkerSlot.keep`, or if
    a child did not stop in time.
    """
    children = Children()
    service = ServiceManager()
    acceptor = None
    if accepting is not None:
        acceptor = Acceptor(accepting.listening, len(plans), accepting.heads)
    reports = MergedReports({} if acceptor is None else acceptor.counters.counts)
    restarts = _Restarts(service)
    slots = [
        WorkerSlot(
            number,
            plan.arguments,
            children,
            reports,
            restarts.ask_for,
            acceptor=acceptor,
            listening=plan.listening,
        )
        for number, plan in enumerate(plans, 1)
    ]
    restarts.slots = slots
    for slot in slots:
        slot.others = [other for other in slots if other is not slot]

    closing: list[asyncio.Task[None]] = []

    def hang_up() -> None:
        if restarts_on_hangup:
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
        if balancer is not None:
            closing.append(asyncio.create_task(balancer.close()))
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
        for batch in _batches(slots):
            keeping += (_keep(slot, stop) for slot in batch)
            ready = asyncio.gather(*(slot.listens for slot in batch))
            await asyncio.wait((ready, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                break
        else:
            if balancer is not None:
                await balancer.start(lambda index: slots[index].is_serving)
            places = _places([slot.listens.result() for slot in slots], balancer)
            click.echo(f"Listening on {places}")
            service.ready(f"Listening on {places}")
        codes = await asyncio.gather(*keeping)
        stopping.cancel()
        await asyncio.gather(restarts.wait(), *closing)
        if acceptor is not None:
            acceptor.close()
        return max(codes)


def _batches(slots: Sequence[WorkerSlot]) -> Iterator[Sequence[WorkerSlot]]:
    """Yield the slots that start at the same time."""
    yield slots[:1]
    cpus = usable_cpus()
    for first in range(1, len(slots), cpus):
        yield slots[first : first + cpus]


def _places(urls: Sequence[str], balancer: Balancer | None) -> str:
    different = list(dict.fromkeys(urls))
    if balancer is not None:
        different.insert(0, f"{balancer.url} (balancer)")
    return f"{' and '.join(different)} with {len(urls)} workers"


def _keep(slot: WorkerSlot, stop: StopRequest) -> asyncio.Task[int]:
    """Run one slot; when it gives up, stop all."""
    task = asyncio.create_task(slot.keep())
    task.add_done_callback(lambda _: stop.ask())
    return task


class _Restarts:
    """Replaces workers, one after the other.

    Attributes:
        slots: the places of all workers.
    """

    def __init__(self, service: ServiceManager) -> None:
        self.slots: Sequence[WorkerSlot] = ()
        self._service = service
        self._one_at_a_time = asyncio.Lock()
        self._is_asked = False
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None
        self._single: dict[WorkerSlot, asyncio.Task[None]] = {}

    def ask(self) -> None:
        """Restart all workers; if a restart is running, do it once more afterwards."""
        self._is_asked = not self._is_stopping
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def ask_for(self, slot: WorkerSlot, reason: str) -> None:
        """Replace the worker of *slot*, unless that is in progress; log the *reason*."""
        if slot not in self._single and not self._is_stopping:
            self._single[slot] = asyncio.create_task(self._replace(slot, reason))

    async def _replace(self, slot: WorkerSlot, reason: str) -> None:
        try:
            async with self._one_at_a_time:
                if self._is_stopping:
                    return
                logger.info("replacing worker %s: %s", slot.number, reason)
                is_replaced = await slot.replace()
            if not is_replaced and not self._is_stopping:
                logger.error("a new worker %s did not start; keeping the running one", slot.number)
                await slot.wait_for_stop(_RETRY)
        finally:
            del self._single[slot]

    async def _run(self) -> None:
        while self._is_asked:
            self._is_asked = False
            async with self._one_at_a_time:
                with self._service.reloading():
                    await self._replace_all()

    async def _replace_all(self) -> None:
        for slot in self.slots:
            if self._is_stopping:
                return
            is_replaced = await slot.replace()
            if self._is_stopping:
                return
            if not is_replaced:
                logger.error("a new worker did not start; keeping the running workers")
                return
        logger.info("all workers were restarted")

    def stop(self) -> None:
        """Start no more workers."""
        self._is_asked = False
        self._is_stopping = True

    async def wait(self) -> None:
        """After `stop`: wait for the end of a restart that has begun."""
        tasks = [*self._single.values()]
        if self._task is not None:
            tasks.append(self._task)
        await asyncio.gather(*tasks)
