"""Errors of Redis that stop the start of an application, because waiting does not fix them."""

import ssl

from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from bundles.message_bus import tls_failure
from bundles.redis.problems import problem_of
from rxkernel import ServerStartError


def start_error_of(exc: RedisError, url: str) -> ServerStartError | None:
    """The error to raise for *exc* of the first connection; None if Redis may be usable later, or
    the command itself is wrong."""
    place = f"Redis at {place_of(url)}"
    if isinstance(cause := exc.__context__, ssl.SSLError):
        return tls_failure(place, cause, "redis.url")
    problem = problem_of(exc)
    if problem is None or not (problem.is_rejected or problem.is_denied):
        return None
    return ServerStartError(f"{place}: {problem.text}")


def place_of(url: str) -> str:
    """*url* without credentials and options."""
    scheme, options = url.partition("://")[0], parse_url(url)
    if "path" in options:
        return f"{scheme}://{options['path']}"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return f"{scheme}://{host}:{port}/{options.get('db', 0)}"
