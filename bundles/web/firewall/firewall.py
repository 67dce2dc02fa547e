"""`Firewall`: rejects the messages of clients that are denied, or have too many open requests."""

from functools import partial
from math import inf
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import attrs
from injector import inject

from bundles.clock import Clock
from bundles.sessions import Sessions
from bundles.sessions.addresses import address_of
from bundles.web.firewall.blocks import Blocks
from bundles.web.firewall.open_counts import OpenCounts, Share
from bundles.web.firewall.settings import FirewallSettings
from bundles.web.optional_listener import OptionalListener
from bundles.web.settings import WebSettings
from rxkernel import (
    ApplicationEvents,
    AsyncEventDispatcher,
    ConnectionEvent,
    EventStreamResponse,
    ForbiddenException,
    HeadEvent,
    HttpException,
    KernelEvents,
    LimitCounters,
    Request,
    Response,
    ServerEvents,
    SettingsChangedEvent,
    TooManyRequestsException,
    Transport,
    UpgradeResponse,
    error_response,
    network_of,
    observe,
)
from rxkernel.networks import Networks
from rxkernel.servers.access_log import PROBE

_FIRST = 10_000
"""The priority before the listeners that authenticate the client."""

_REQUESTS, _STREAMS = "requests", "streams"

_RETRY_AFTER = "1"
"""Seconds; an open request may end at any time."""


class Firewall:
    """Counts the open messages and streams of each client, and rejects messages above a limit and
    those of denied clients.

    A message is counted from its head to the end of its response, even if it fails. Messages
    without an address, such as those of tasks and of a `KernelClient`, are not counted by address.
    Probes are not counted: otherwise a monitor could restart a process that is only busy.
    """

    @inject
    def __init__(
        self,
        settings: WebSettings,
        sessions: Sessions,
        clock: Clock,
        dispatcher: AsyncEventDispatcher,
    ) -> None:
        self._listener = OptionalListener(dispatcher, KernelEvents.KERNEL_HEAD, self.check, _FIRST)
        self._is_open = False
        self._sessions = sessions
        self._blocks = Blocks(clock.monotonic)
        self._open = OpenCounts()
        self._limits_reached = LimitCounters()
        self.configure(settings.firewall)

    def configure(self, settings: FirewallSettings) -> None:
        """Use *settings* from now on; open messages stay open."""
        self._denied = Networks(settings.denied)
        self._requests = _Limits.of(settings, _REQUESTS)
        self._streams = _Limits.of(settings, _STREAMS)
        self._is_counting = self._requests.is_set or self._streams.is_set
        self._listen_if_needed()

    async def __aenter__(self) -> Self:
        self._is_open = True
        self._listen_if_needed()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._is_open = False
        self._listen_if_needed()

    def _listen_if_needed(self) -> None:
        """Listen to messages only if one may be rejected."""
        may_reject = self._is_counting or bool(self._denied) or bool(self._blocks)
        self._listener.register(self._is_open and may_reject)

    @observe(ApplicationEvents.SETTINGS)
    async def settings_changed(self, event: SettingsChangedEvent) -> None:
        if event.has_changed("web.firewall"):
            settings = event.settings.bundles["web"]
            assert isinstance(settings, WebSettings)
            self.configure(settings.firewall)
            event.applied("web.firewall")

    def block(self, address: str, seconds: float) -> None:
        """Respond to the clients of *address* with 403 for *seconds*, in this process. For IPv6,
        the /64 network of *address* is blocked. Open messages stay open.

        Raises:
            ValueError: *address* is empty, or *seconds* is not a positive number.
        """
        if not address:
            raise ValueError("the address to block is empty; it must be that of a client")
        if not 0 < seconds < inf:
            raise ValueError(f"seconds is {seconds!r}; write a finite number greater than 0")
        self._blocks.add(network_of(address), seconds)
        self._listen_if_needed()

    def unblock(self, address: str) -> bool:
        """End the block of *address*; return False if it was not blocked."""
        return self._blocks.remove(network_of(address))

    def is_denied(self, address: str) -> bool:
        """Whether *address* is in ``web.firewall.denied``, or blocked."""
        if self._denied and address in self._denied:
            return True
        return bool(self._blocks) and network_of(address) in self._blocks

    @observe(ServerEvents.CONNECTED, priority=_FIRST)
    async def connect(self, event: ConnectionEvent) -> None:
        """Reject the sockets of denied clients."""
        client = event.connection.client
        if client is not None and self.is_denied(client.host):
            raise _denied()

    async def check(self, event: HeadEvent) -> None:
        """Reject a message of a client that is denied, or has reached a limit; else count it."""
        request = event.request
        address = address_of(request)
        if address and self.is_denied(address):
            event.set_response(error_response(_denied()))
        elif self._is_counting and not _is_probe(request):
            failure = self._count(request, address)
            if failure is not None:
                event.set_response(error_response(failure))

    def _count(self, request: Request, address: str) -> HttpException | None:
        """Count *request*, or return the error with which it is rejected. A request for a stream
        counts as both until its response is known, since a client may request one anywhere."""
        counted = _Counted()
        failure = self._take(request, address, self._requests, counted)
        if failure is None and _is_for_stream(request):
            failure = self._take(request, address, self._streams, counted)
        if failure is not None:
            self._free(counted, *counted.shares)
            return failure
        request.when_ended(partial(self._end, counted))
        if request.transport is Transport.HTTP:
            request.before_sending(partial(self._count_response, request, address, counted))
        return None

    def _take(
        self, request: Request, address: str, limits: "_Limits", counted: "_Counted"
    ) -> HttpException | None:
        shares = limits.shares(request, address, self._sessions)
        reached = self._open.take(shares)
        if reached is None:
            counted.shares[limits.kind] = tuple(share for share, _ in shares)
            return None
        what = f"a client ({address or 'unknown'}) has too many open {limits.kind}"
        self._limits_reached.record(f"web.firewall.{reached.setting}", what)
        return TooManyRequestsException(
            f"too many open {limits.kind}; try again when one has ended",
            code="firewall",
            headers={"Retry-After": _RETRY_AFTER},
        )

    async def _count_response(
        self, request: Request, address: str, counted: "_Counted", response: Response
    ) -> None:
        """From now on, count a message as a stream or as a request, by its *response*.

        Raises:
            TooManyRequestsException: it is a stream that the client did not request, and the limit
                of streams is reached.
        """
        if not isinstance(response, EventStreamResponse | UpgradeResponse):
            self._free(counted, _STREAMS)
            return
        self._free(counted, _REQUESTS)
        if _STREAMS not in counted.shares:
            failure = self._take(request, address, self._streams, counted)
            if failure is not None:
                raise failure

    def _free(self, counted: "_Counted", *kinds: str) -> None:
        for kind in kinds:
            self._open.free(counted.shares.pop(kind, ()))

    def _end(self, counted: "_Counted") -> None:
        self._free(counted, *counted.shares)


@attrs.define(eq=False)
class _Counted:
    """The shares that one message is counted for.

    Attributes:
        shares: of requests and of streams, by kind.
    """

    shares: dict[str, tuple[Share, ...]] = attrs.field(factory=dict)


@attrs.frozen
class _Limits:
    """The limits of requests, or of streams; None: no limit."""

    kind: str
    names: tuple[str, ...]
    per_address: int | None
    per_session: int | None
    per_host: int | None
    is_set: bool

    @classmethod
    def of(cls, settings: FirewallSettings, kind: str) -> "_Limits":
        names = tuple(f"max_{kind}_per_{each}" for each in ("address", "session", "host"))
        address, session, host = (getattr(settings, name) for name in names)
        is_set = not (address is session is host is None)
        return cls(kind, names, address, session, host, is_set)

    def shares(
        self, request: Request, address: str, sessions: Sessions
    ) -> list[tuple[Share, int]]:
        """The shares of *request* that have a limit, each with its limit."""
        found: list[tuple[Share, int]] = []
        if not self.is_set:
            return found
        if self.per_address is not None and address:
            found.append((Share(self.names[0], network_of(address)), self.per_address))
        if self.per_session is not None and (session := sessions.sent_id(request)):
            found.append((Share(self.names[1], session), self.per_session))
        if self.per_host is not None and address:
            found.append((Share(self.names[2], _host_of(request)), self.per_host))
        return found


def _is_probe(request: Request) -> bool:
    return request.definition is not None and bool(request.definition.options.get(PROBE))


def _host_of(request: Request) -> str:
    """The host that the client has requested, without a port; for a socket, at its handshake."""
    return (urlsplit(request.base_url).hostname or "").removesuffix(".")


def _is_for_stream(request: Request) -> bool:
    """Whether *request* is for a WebSocket or an event stream."""
    headers = request.headers
    return request.transport is Transport.HTTP and (
        headers.get("Upgrade", "").lower() == "websocket"
        or "text/event-stream" in headers.get("Accept", "").lower()
    )


def _denied() -> ForbiddenException:
    return ForbiddenException("requests from this address are not accepted", code="firewall")
