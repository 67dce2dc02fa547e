"""Which errors of redis-py mean that Redis cannot be used now."""

import attrs
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

_REJECTED = "it rejects the user or the password in redis.url"


@attrs.frozen
class Problem:
    """Why Redis cannot be used.

    Attributes:
        is_write_only: only commands that write fail; Redis still executes those that read.
        is_rejected: Redis rejects all connections with `redis.url`.
        is_denied: only this command is not allowed to the user: not an outage.
    """

    text: str
    is_write_only: bool = False
    is_rejected: bool = False
    is_denied: bool = False


def problem_of(exc: RedisError) -> Problem | None:
    """The problem that *exc* reports; None if the command itself is wrong.

    The texts of redis-py name the host and the port, never the password.
    """
    match exc:
        case AuthenticationError() | AuthorizationError():
            return Problem(f"{_REJECTED} ({exc})", is_rejected=True)
        case ResponseError() if str(exc).startswith("DB index is out of range"):
            what = f"it does not have the database in redis.url ({exc})"
            return Problem(what, is_rejected=True)
        case NoPermissionError():
            what = f"the user in redis.url may not execute a command ({exc})"
            return Problem(what, is_denied=True)
        case OutOfMemoryError():
            return Problem(f"its memory is full ({exc})", is_write_only=True)
        case ReadOnlyError():
            what = f"it is a read-only replica; redis.url must name its primary ({exc})"
            return Problem(what, is_write_only=True)
        case BusyLoadingError():
            return Problem(f"it is loading its data ({exc})")
        case ConnectionError() | TimeoutError():
            return Problem(str(exc))
        case ResponseError() if str(exc).startswith("MISCONF"):
            return Problem(f"it cannot write to its disk ({exc})", is_write_only=True)
    return None
