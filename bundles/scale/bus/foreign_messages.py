"""Messages of python-socketio's Redis manager, which other programs send."""

import logging
from base64 import b64decode
from typing import Any

import msgspec

from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link
from bundles.scale.bus.ordered_jobs import OrderedJobs, Work
from rxkernel import Broadcaster

logger = logging.getLogger(__name__)

_WHAT = "a message of python-socketio"

_PLACEHOLDER = frozenset({"_placeholder", "num"})


class ForeignMessages:
    """Executes the requests of programs with ``AsyncRedisManager(write_only=True)``, for the
    clients of this process; each process receives each message. The format is the JSON of
    python-socketio since 5.14. The messages are not signed.

    They are executed in order, by *ordered*. Clients are disconnected by *jobs*, since this waits
    for listeners of the application; so a later event may still reach the client.
    """

    def __init__(
        self,
        link: Link,
        broadcaster: Broadcaster,
        ordered: OrderedJobs,
        jobs: Jobs,
        channel: str,
    ) -> None:
        self._broadcaster = broadcaster
        self._ordered = ordered
        self._jobs = jobs
        self._link = link
        link.channels[f"{link.prefix}{channel}"] = self._received

    def _received(self, data: bytes) -> None:
        try:
            work = self._work(msgspec.json.decode(data, type=dict[str, Any]), len(data))
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError, RecursionError):
            self._link.dropped("invalid")
            return
        if work is not None and not self._ordered.start(_WHAT, work, len(data)):
            self._link.dropped("overloaded")

    def _work(self, message: dict[str, Any], size: int) -> Work | None:
        """Return the work for *message*; None for a method that write-only managers do not send.

        Raises:
            ValueError, TypeError, KeyError, IndexError: it is invalid.
        """
        namespace, room = message.get("namespace") or "/", message.get("room")
        broadcaster = self._broadcaster
        match message["method"]:
            case "emit":
                skip = message.get("skip_sid") or ()
                return broadcaster.emit(
                    message["event"],
                    *_arguments(message),
                    room=room,
                    namespace=namespace,
                    skip=skip if isinstance(skip, str) else tuple(skip),
                    local=True,
                )
            case "disconnect":
                return self._disconnect(message["sid"], namespace, size)
            case "enter_room":
                return broadcaster.join(message["sid"], message["room"], namespace, local=True)
            case "leave_room":
                return broadcaster.leave(message["sid"], message["room"], namespace, local=True)
            case "close_room":
                closed = message["room"]
                return broadcaster.leave(closed, closed, namespace, local=True)
        return None

    async def _disconnect(self, target: str, namespace: str, size: int) -> None:
        work = self._broadcaster.disconnect(target, namespace, local=True)
        if not self._jobs.start(_WHAT, work, size):
            self._link.dropped("overloaded")


def _arguments(message: dict[str, Any]) -> tuple[Any, ...]:
    data = message["data"]
    if message.get("binary"):
        data = _restored(data[0], [b64decode(text, validate=True) for text in data[1:]])
    return tuple(data) if isinstance(data, list) else (data,)


def _restored(value: Any, attachments: list[bytes]) -> Any:
    """Replace the placeholders in *value* by *attachments*."""
    if isinstance(value, list):
        return [_restored(item, attachments) for item in value]
    if isinstance(value, dict):
        if value.keys() == _PLACEHOLDER and value["_placeholder"] is True:
            return attachments[value["num"]]
        return {key: _restored(item, attachments) for key, item in value.items()}
    return value
