"""The transporter for Redis, by its publish and subscribe."""

from injector import inject
from redis.asyncio import Redis

from bundles.message_bus import BusConnection, Receiver, ReconnectingTransporter
from bundles.redis.redis_connection import RedisConnection
from bundles.redis.settings import RedisSettings
from bundles.redis.start import place_of


class RedisTransporter(ReconnectingTransporter):
    """Sends by the pool of the bundle `redis`, and receives by a connection of its own."""

    @inject
    def __init__(self, client: Redis, settings: RedisSettings) -> None:
        self._client = client
        self._settings = settings
        super().__init__("Redis", place_of(settings.url))

    async def _open(self, receiver: Receiver) -> BusConnection:
        connection = RedisConnection(self._client, self._settings, receiver)
        await connection.open()
        return connection
