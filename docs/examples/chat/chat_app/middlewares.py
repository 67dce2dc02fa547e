"""What runs before the actions: a log, a limit, and the check of the administrators' key."""

import hmac
from collections import deque
from time import monotonic

from injector import inject

from bundles.realtime import AppHandle, IOServerError, LogLevel, Middleware
from chat_app.options import ChatOptions
from rxkernel import Connection, Request

_MOST_EVENTS = 50
_SECONDS = 10.0


class ActivityLog(Middleware):
    """Logs each request and each event, without what they contain."""

    @inject
    def __init__(self, app_handle: AppHandle) -> None:
        self._app_handle = app_handle

    async def http(self, request: Request) -> None:
        self._app_handle.log(LogLevel.DEBUG, f"{request.method} {request.route_name}")

    async def event(self, request: Request) -> None:
        self._app_handle.log(LogLevel.DEBUG, f"event {request.route_name}")


class RateLimit(Middleware):
    """Rejects the events of a client above 50 in 10 seconds."""

    async def event(self, request: Request) -> None:
        connection = request.connection
        assert connection is not None  # of an event, it is set
        times: deque[float] = connection.attributes.setdefault("times", deque())
        time = monotonic()
        while times and times[0] <= time - _SECONDS:
            times.popleft()
        if len(times) >= _MOST_EVENTS:
            raise IOServerError("Too many events", 429)
        times.append(time)


class AdminKey(Middleware):
    """Accepts the key as ``Authorization: Bearer`` over HTTP, and in ``auth.key`` of a socket."""

    @inject
    def __init__(self, options: ChatOptions) -> None:
        self._key = options.admin_key

    async def http(self, request: Request) -> None:
        self._check(request.headers.get("Authorization", "").removeprefix("Bearer "))

    async def connect(self, connection: Connection) -> None:
        auth = connection.auth if isinstance(connection.auth, dict) else {}
        self._check(auth.get("key"))

    def _check(self, given: object) -> None:
        key = self._key
        is_valid = key is not None and isinstance(given, str)
        if not is_valid or not hmac.compare_digest(str(given).encode(), str(key).encode()):
            raise IOServerError("The key of an administrator is required", 401)
