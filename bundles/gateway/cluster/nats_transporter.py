"""The transporter for NATS."""

from random import shuffle

from injector import inject

from bundles.gateway.cluster.nats_connection import NatsConnection
from bundles.gateway.cluster.nats_url import parse_nats_urls
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import (
    BusConnection,
    BusUnavailableError,
    Receiver,
    ReconnectingTransporter,
)
from rxkernel import ServerStartError


class NatsTransporter(ReconnectingTransporter):
    """Connects to one of the servers in ``gateway.nats_url``, in random order."""

    @inject
    def __init__(self, settings: GatewaySettings) -> None:
        self._urls = parse_nats_urls(settings.nats_url)
        self._timeout = settings.nats_connect_timeout
        super().__init__("NATS", ", ".join(url.place for url in self._urls))

    async def _open(self, receiver: Receiver) -> BusConnection:
        shuffle(self._urls)
        problems: list[BusUnavailableError | ServerStartError] = []
        for url in self._urls:
            connection = NatsConnection(url, self._timeout, receiver)
            try:
                await connection.open()
            except (BusUnavailableError, ServerStartError) as exc:
                problems.append(exc)
            else:
                return connection
        raise next((exc for exc in problems if isinstance(exc, ServerStartError)), problems[0])
