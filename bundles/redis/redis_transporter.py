"""The transporter for Redis, by its publish and subscribe."""

from injector import inject
from redis.asyncio import Redis
from redis.asyncio.connection import parse_url

from bundles.message_bus import BusConnection, Receiver, ReconnectingTransporter
from bundles.redis.redis_connection import RedisConnection
from bundles.redis.settings import RedisSettings


class RedisTransporter(ReconnectingTransporter):
    """Sends by the pool of the bundle `redis`, and receives by a connection of its own."""

    @inject
    def __init__(self, client: Redis, settings: RedisSettings) -> None:
        self._client = client
        self._settings = settings
        super().__init__("Redis", _place_of(settings.url))

    async def _open(self, receiver: Receiver) -> BusConnection:
        connection = RedisConnection(self._client, self._settings, self.place, receiver)
        await connection.open()
        return connection


def _place_of(url: str) -> str:
    """*url* without credentials and options."""
    scheme, options = url.partition("://")[0], parse_url(url)
    if "path" in options:
        return f"{scheme}://{options['path']}"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return f"{scheme}://{host}:{port}/{options.get('db', 0)}"
