"""The link over the Redis of the bundle `redis`."""

from injector import inject

from bundles.redis import Redis, RedisSettings
from bundles.redis.redis_transporter import RedisTransporter
from bundles.scale.bus.cluster_link import ClusterLink
from bundles.scale.settings import ScaleSettings
from rxkernel import ConfigurationError


class RedisLink(ClusterLink):
    @inject
    def __init__(self, client: Redis, redis: RedisSettings, settings: ScaleSettings) -> None:
        if settings.secret is None:
            raise ConfigurationError(
                'scale.bus is "redis", and scale.secret is not set; set it to the same text of at '
                "least 32 characters in all processes, as by RXKERNEL_SCALE_SECRET"
            )
        super().__init__(RedisTransporter(client, redis), settings, settings.secret)
