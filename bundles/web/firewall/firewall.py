"""`Firewall`: rejects the messages of clients that have too much open, or are denied."""

from collections.abc import Iterator
from functools import partial
from math import inf
from urllib.parse import urlsplit

import attrs
from injector import inject

from bundles.sessions import Sessions
from bundles.sessions.addresses import address_of
from bundles.web.firewall.blocks import Blocks
from bundles.web.firewall.networks import Networks
from bundles.web.firewall.open_counts import OpenCounts, Share
from bundles.web.firewall.settings import FirewallSettings
from bundles.web.page_cache.clock import Clock
from bundles.web.settings import WebSettings
from rxkernel import (
    ApplicationEvents,
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

_FIRST = 10_000
"""Before the listeners that authenticate the client."""

_RETRY_AFTER = "1"
"""Seconds: what is open may end at any time."""


class Firewall:
    """Counts the open messages and streams of each client, and rejects those of denied ones.

    A message is counted from its head to the end of its response, whatever happens. Messages
    without an address, such as those of tasks and of a `KernelClient`, are not counted by address.
    """

    @inject
    def __init__(self, settings: WebSettings, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._blocks = Blocks(clock.now)
        self._open = OpenCounts()
        self._limits_reached = LimitCounters()
        self.configure(settings.firewall)

    def configure(self, settings: FirewallSettings) -> None:
        """Use *settings* from now on; what is open already stays open."""
        self._denied = Networks(settings.denied)
        self._requests = _Limits.of(settings, "requests")
        self._streams = _Limits.of(settings, "streams")

    @observe(ApplicationEvents.SETTINGS)
    async def settings_changed(self, event: SettingsChangedEvent) -> None:
        if event.has_changed("web.firewall"):
            settings = event.settings.bundles["web"]
            assert isinstance(settings, WebSettings)
            self.configure(settings.firewall)
            event.applied("web.firewall")

    def block(self, address: str, seconds: float) -> None:
        """Respond to the clients of *address* with 403 for *seconds*, in this process. An IPv6
        address is its network of 64 bits. What they have open stays open.

        Raises:
            ValueError: *address* is empty, or *seconds* is not a positive number.
        """
        if not address:
            raise ValueError("the address to block is empty; it must be that of a client")
        if not 0 < seconds < inf:
            raise ValueError(f"a block of {seconds} s is not possible; write seconds, 1 or more")
        self._blocks.add(network_of(address), seconds)

    def unblock(self, address: str) -> bool:
        """End the block of *address*, and return whether there was one."""
        return self._blocks.remove(network_of(address))

    def is_denied(self, address: str) -> bool:
        """Whether *address* is in ``web.firewall.denied``, or blocked."""
        if self._denied and address in self._denied:
            return True
        return bool(self._blocks) and network_of(address) in self._blocks

    @observe(ServerEvents.CONNECTED, priority=_FIRST)
    async def connect(self, event: ConnectionEvent) -> None:
        """Reject the sockets of clients that are denied."""
        client = event.connection.client
        if client is not None and self.is_denied(client.host):
            raise _denied()

    @observe(KernelEvents.KERNEL_HEAD, priority=_FIRST)
    async def check(self, event: HeadEvent) -> None:
        """Reject a message of a client that is denied, or has too much open; else count it."""
        request = event.request
        address = address_of(request)
        if address and self.is_denied(address):
            event.set_response(error_response(_denied()))
        elif self._requests.is_set or self._streams.is_set:
            failure = self._count(request, address)
            if failure is not None:
                event.set_response(error_response(failure))

    def _count(self, request: Request, address: str) -> HttpException | None:
        counted = _Counted()
        is_stream = _is_for_stream(request)
        failure = self._take(
            request, address, self._streams if is_stream else self._requests, counted
        )
        if failure is not None:
            return failure
        request.when_ended(partial(self._end, counted))
        if not is_stream and self._streams.is_set and request.transport is Transport.HTTP:
            request.before_sending(partial(self._check_stream, request, address, counted))
        return None

    def _take(
        self, request: Request, address: str, limits: "_Limits", counted: "_Counted"
    ) -> HttpException | None:
        shares = tuple(limits.shares(request, address, self._sessions))
        reached = self._open.take(shares)
        if reached is None:
            counted.shares = tuple(share for share, _ in shares)
            return None
        what = f"a client ({address or 'unknown'}) has too much open"
        self._limits_reached.record(f"web.firewall.{reached.setting}", what)
        return TooManyRequestsException(
            "too much is open; try again when a request has ended",
            code="firewall",
            headers={"Retry-After": _RETRY_AFTER},
        )

    async def _check_stream(
        self, request: Request, address: str, counted: "_Counted", response: Response
    ) -> None:
        """Count a message as a stream if *response* is one that the client has not announced.

        Raises:
            TooManyRequestsException: its streams are too many.
        """
        if isinstance(response, EventStreamResponse | UpgradeResponse):
            self._end(counted)
            failure = self._take(request, address, self._streams, counted)
            if failure is not None:
                raise failure

    def _end(self, counted: "_Counted") -> None:
        shares, counted.shares = counted.shares, ()
        self._open.free(shares)


@attrs.define(eq=False)
class _Counted:
    """The shares that one message was counted for."""

    shares: tuple[Share, ...] = ()


@attrs.frozen
class _Limits:
    """The limits of requests, or those of streams; None: no limit."""

    kind: str
    per_address: int | None
    per_session: int | None
    per_host: int | None
    is_set: bool

    @classmethod
    def of(cls, settings: FirewallSettings, kind: str) -> "_Limits":
        address, session, host = (
            getattr(settings, f"max_{kind}_per_{each}") for each in ("address", "session", "host")
        )
        is_set = not (address is session is host is None)
        return cls(kind, address, session, host, is_set)

    def shares(
        self, request: Request, address: str, sessions: Sessions
    ) -> Iterator[tuple[Share, int]]:
        """Yield the shares of *request* that have a limit."""
        if self.per_address is not None and address:
            yield self._share("address", network_of(address)), self.per_address
        if self.per_session is not None and (session := sessions.sent_id(request)):
            yield self._share("session", session), self.per_session
        if self.per_host is not None and address:
            yield self._share("host", _host_of(request)), self.per_host

    def _share(self, name: str, key: str) -> Share:
        return Share(f"max_{self.kind}_per_{name}", key)


def _host_of(request: Request) -> str:
    """The host that the client has requested, without a port; for a socket, at its handshake."""
    return (urlsplit(request.base_url).hostname or "").removesuffix(".")


def _is_for_stream(request: Request) -> bool:
    """Whether the client of *request* asks for a WebSocket or an event stream."""
    headers = request.headers
    return request.transport is Transport.HTTP and (
        headers.get("Upgrade", "").lower() == "websocket"
        or "text/event-stream" in headers.get("Accept", "").lower()
    )


def _denied() -> ForbiddenException:
    return ForbiddenException("requests from this address are not accepted", code="firewall")
