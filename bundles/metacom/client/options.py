"""The options of a client."""

from typing import TypedDict

import attrs
from aiohttp import ClientSession

from rxkernel import SECONDS, SIZE

_SESSION = attrs.validators.optional(attrs.validators.instance_of(ClientSession))


class Options(TypedDict, total=False):
    """The keyword arguments of `Metacom`, see `Settings`."""

    timeout: float
    heartbeat: float
    max_size: int
    max_reconnect_delay: float
    session: ClientSession | None


@attrs.frozen(kw_only=True)
class Settings:
    """The options of a client, and their defaults.

    Attributes:
        timeout: the maximum of seconds for a call, for a handshake, and between two parts of a
            download.
        heartbeat: seconds without data from the server after which it is pinged. After the same
            time without data it is disconnected.
        max_size: the maximum of bytes of a message or an HTTP response; a larger one ends the
            connection.
        max_reconnect_delay: the maximum of seconds between two attempts to reconnect.
        session: the session that sends the requests, with its TLS settings, proxies, cookies and
            headers. It follows redirects of a WebSocket handshake. The client does not close it.
    """

    timeout: float = attrs.field(default=7.0, validator=SECONDS)
    heartbeat: float = attrs.field(default=25.0, validator=SECONDS)
    max_size: int = attrs.field(default=4_194_304, validator=SIZE)
    max_reconnect_delay: float = attrs.field(default=30.0, validator=SECONDS)
    session: ClientSession | None = attrs.field(default=None, validator=_SESSION)
