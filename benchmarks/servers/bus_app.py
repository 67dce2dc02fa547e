"""A process with the bundle scale, at the Redis in the environment variable ``REDIS_URL``."""

import os

import attrs

from benchmarks.servers.raised_limits import RAISED_LIMITS
from benchmarks.servers.rxkernel_app import Controller
from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import ScaleBundle, ScaleSettings
from rxkernel import Application

_SECRET = "the secret of all processes of a benchmark"


def application() -> Application:
    bundles = {
        "redis": RedisSettings(url=os.environ["REDIS_URL"]),
        "scale": ScaleSettings(bus="redis", secret=_SECRET),
    }
    return Application(
        bundles=[RedisBundle, ScaleBundle],
        controllers=[Controller],
        settings=attrs.evolve(RAISED_LIMITS, bundles=bundles),
    )
