"""The link over the Redis of the bundle `redis`."""

from injector import inject

from bundles.redis import Redis, RedisSettings
from bundles.redis.redis_transporter import RedisTransporter
from bundles.scale.bus.cluster_link import ClusterLink
from bundles.scale.settings import ScaleSettings, secret_of


class RedisLink(ClusterLink):
    @inject
    def __init__(self, client: Redis, redis: RedisSettings, settings: ScaleSettings) -> None:
        transporter = RedisTransporter(client, redis)
        super().__init__(transporter, settings, secret_of(settings), redis.prefix)
