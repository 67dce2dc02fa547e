"""Creates the client that an application shares."""

from injector import inject
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from bundles.redis.cancellable_connection import options_of
from bundles.redis.settings import RedisSettings


@inject
def create_client(settings: RedisSettings) -> Redis:
    """A client that connects when it is used.

    If the connection of a command was closed, as all of the pool are after a restart of Redis,
    the command is sent once more on a new connection. It is not sent again after a timeout.
    """
    pool = BlockingConnectionPool(
        **options_of(settings.url),
        max_connections=settings.pool_size,
        timeout=settings.command_timeout,
        socket_timeout=settings.command_timeout,
        socket_connect_timeout=settings.connect_timeout,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        retry_on_error=[ConnectionError],  # redis-py 5 retries only these
    )
    return Redis.from_pool(pool)
