"""``serve --workers N``: a supervisor keeps several processes running that share one HTTP port."""

import asyncio
import logging
import socket
from collections.abc import Sequence

import attrs
import click

from rxkernel.cli.acceptor import Acceptor
from rxkernel.cli.children import Child, Children
from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.request_heads import RequestHeads
from rxkernel.cli.service_manager import ServiceManager
from rxkernel.cli.signals import StopRequest
from rxkernel.cli.worker_sockets import WorkerSockets
from rxkernel.servers.workers.socket_channel import socket_pair

logger = logging.getLogger(__name__)

_STARTUP_WINDOW = 2.0
"""Seconds after a worker began to listen; one that exits sooner exited during start-up."""

_MAX_STARTUP_FAILURES = 3
"""As many consecutive exits during start-up are a crash loop."""


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
    child exited with 2, as for an invalid setting, and 1 for a crash loop or a child that did not
    stop in time.
    """
    children = Children()
    service = ServiceManager()
    acceptor = Acceptor(listening, count, heads) if listening else None
    slots = [_Slot(number, arguments, children, acceptor) for number in range(1, count + 1)]
    restarts = _Restarts(slots, service)

    def hang_up() -> None:
        if acceptor is not None:
            restarts.ask()
        else:
            with service.reloading():
                children.hang_up()

    def stop_all() -> None:
        restarts.stop()
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
        for slot in slots[:1], slots[1:]:
            keeping += (_keep(one, stop) for one in slot)
            ready = asyncio.gather(*(one.listens for one in slot))
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


def _keep(slot: "_Slot", stop: StopRequest) -> asyncio.Task[int]:
    """Run one slot; when it gives up, stop all."""
    task = asyncio.create_task(slot.keep())
    task.add_done_callback(lambda _: stop.ask())
    return task


@attrs.frozen(eq=False)
class _Running:
    """A child that listens, or that has ended before: then ``since`` is None.

    Attributes:
        since: the time of the loop when it began to listen.
    """

    child: Child
    since: float | None


@attrs.define(eq=False)
class _Slot:
    """Keeps one worker running; ``listens`` is resolved with the URLs of its first process."""

    number: int
    arguments: Sequence[str]
    children: Children
    acceptor: Acceptor | None
    listens: asyncio.Future[str] = attrs.field(factory=asyncio.Future)
    _running: _Running | None = None
    _replacing: asyncio.Task[_Running] | None = None

    async def keep(self) -> int:
        """Start a new worker whenever one exits, until the stop; return the exit code."""
        startup_failures = 0
        self._running = await self._start()
        while True:
            running = self._running
            code = await self.children.wait(running.child)
            if self._replacing is not None:
                await asyncio.wait((self._replacing,))
            if self._running is not running:
                continue
            if running.child.stop_requested:
                return int(running.child.failed)
            if code == 2:
                return 2
            startup_failures = 0 if _lived(running) >= _STARTUP_WINDOW else startup_failures + 1
            logger.error(
                "worker %s (pid %s) ended with code %s", self.number, running.child.pid, code
            )
            if startup_failures == _MAX_STARTUP_FAILURES:
                logger.error(
                    "%s workers in a row exited during start-up; giving up", startup_failures
                )
                return 1
            self._running = await self._start()

    async def replace(self) -> bool:
        """Start another process, then stop the one that runs; return False if the other one did
        not start, and nothing has changed."""
        former = self._running
        if former is None or former.since is None:
            return True
        self._replacing = asyncio.create_task(self._start())
        try:
            successor = await self._replacing
            if successor.since is None:
                await self.children.wait(successor.child)
                return False
            self._running = successor
        finally:
            self._replacing = None
        former.child.stop()
        await former.child.ended()
        return True

    async def _start(self) -> _Running:
        """Start a process, and wait until it listens or ends."""
        if self.acceptor is None:
            child, sockets = await self.children.start(self.arguments), None
        else:
            child, sockets = await self._start_with_sockets(self.acceptor)
        urls = await child.listening()
        if not urls:
            return _Running(child, None)
        logger.info("worker %s has pid %s", self.number, child.pid)
        if sockets is not None and self.acceptor is not None:
            self.acceptor.pool.use(sockets, self.number - 1)
        if not self.listens.done():
            self.listens.set_result(urls)
        return _Running(child, asyncio.get_running_loop().time())

    async def _start_with_sockets(self, acceptor: Acceptor) -> tuple[Child, WorkerSockets]:
        ours, theirs = socket_pair()
        number = acceptor.pool.new_number()
        with theirs:
            command, *options = self.arguments
            passed = ["--passed-sockets", str(theirs.fileno()), str(number)]
            child = await self.children.start([command, *passed, *options], [theirs.fileno()])
        return child, acceptor.pool.add(ours, number)


def _lived(running: _Running) -> float:
    """Seconds since a child began to listen; 0 if it has not."""
    if running.since is None:
        return 0.0
    return asyncio.get_running_loop().time() - running.since


class _Restarts:
    """Replaces the workers one after the other whenever it is asked to."""

    def __init__(self, slots: Sequence[_Slot], service: ServiceManager) -> None:
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
