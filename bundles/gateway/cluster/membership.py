"""`Membership`: joins the cluster when the bus is available, and sends heartbeats."""

import asyncio
import logging
from collections.abc import Callable

import attrs

from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.members import Members
from bundles.gateway.cluster.name_check import NameCheck
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import BusUnavailableError, Transporter
from rxkernel import ServerStartError

logger = logging.getLogger(__name__)


@attrs.frozen
class Discovery:
    """*seconds*: how long a start waits for the information of other nodes. The default is that
    of Moleculer. Tests may bind another instance."""

    seconds: float = 0.5


class Membership:
    """
    Args:
        joined: called after each join.
        clean: called after each heartbeat with a time by the clock of the event loop; streams
            that ended before this time may be forgotten.

    Attributes:
        has_joined: whether the other nodes can reach this one when the bus is available.
        problem: why this node has not joined the cluster although the bus is available; None: it
            has joined, or still tries.
    """

    def __init__(
        self,
        transporter: Transporter,
        link: Link,
        members: Members,
        settings: GatewaySettings,
        name_check: NameCheck,
        joined: Callable[[], None],
        clean: Callable[[float], None],
    ) -> None:
        self.has_joined = False
        self.problem: str | None = None
        self._transporter = transporter
        self._link = link
        self._members = members
        self._settings = settings
        self._name_check = name_check
        self._joined = joined
        self._clean = clean
        self._joining: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    def connected(self) -> None:
        """Join the cluster: the bus is available now."""
        if self._joining is not None:
            self._joining.cancel()  # it began before the bus was lost
        self._joining = asyncio.create_task(self._join())

    async def begin(self, discovery: Discovery) -> None:
        """Send heartbeats from now on. If the bus is available, wait until this node has joined.

        Raises:
            ServerStartError: another node has its name.
        """
        if self._joining is not None:
            await asyncio.wait({self._joining})
            if self.problem is not None:
                raise ServerStartError(self.problem)
            await asyncio.sleep(discovery.seconds)
        self._beating = asyncio.create_task(self._beat())

    async def end(self) -> None:
        """Stop the heartbeats."""
        tasks = [task for task in (self._beating, self._joining) if task is not None]
        self._beating = self._joining = None
        for task in tasks:
            task.cancel()
            await asyncio.wait({task})

    async def leave(self) -> None:
        """Inform the other nodes that this one has left."""
        if self.has_joined:
            await self._members.leave()
        self.has_joined = False

    async def _join(self) -> None:
        """Join the cluster or set `problem`; the next heartbeat tries again."""
        try:
            if not self.has_joined and not await self._may_join():
                return
            await self._members.join()
            await self._link.deliver_late()
        except BusUnavailableError as exc:
            logger.debug("the bus was lost again: %s", exc)
        else:
            self._joined()

    async def _may_join(self) -> bool:
        before, self.problem = self.problem, None
        place, node_id = self._transporter.place, self._settings.node_id
        if not await self._name_check.is_taken():
            await self._transporter.subscribe(self._link.topics.received)
            self.has_joined = True
            logger.info("joined the cluster at %s as %r", place, node_id)
            return True
        self.problem = (
            f"the cluster at {place} already has a node called {node_id!r}; give each process its "
            f"own gateway.node_id, or remove the setting"
        )
        if self._beating is not None and before is None:
            logger.error("%s", self.problem)
        return False

    async def _beat(self) -> None:
        loop, interval = asyncio.get_running_loop(), self._settings.heartbeat_interval
        while True:
            begin = loop.time()
            await asyncio.sleep(interval)
            try:
                if self._transporter.is_connected:
                    await self.beat(loop.time() - begin - interval)
            except Exception:  # the next heartbeats must still be sent
                logger.exception("a heartbeat of the cluster has failed")

    async def beat(self, delay: float) -> None:
        """Send a heartbeat, and look for lost nodes.

        Args:
            delay: how many seconds it is late, because this process was busy.
        """
        if not self.has_joined:
            if self._joining is None or self._joining.done():
                self.connected()
            return
        await self._members.beat()
        timeout = self._settings.heartbeat_timeout
        if delay < timeout / 2:  # after a longer delay, received packets still wait to be read
            self._members.check(timeout)
        self._clean(asyncio.get_running_loop().time() - timeout)
