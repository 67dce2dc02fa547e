"""What requests use of the application."""

from collections.abc import Callable
from typing import Any

import attrs
from injector import Injector

from bundles.web.channels.event_streams import EventStreams
from bundles.web.channels.socket_upgrades import SocketUpgrades
from bundles.web.files.web_files import WebFiles


@attrs.frozen(eq=False)
class Environment:
    """The services of chains and clients.

    Attributes:
        application: the running `Application`, as files read it: ``bundles.autoload.application``.
        encode_json: that of the kernel, with the scalars of the application.
        files: what sends the static files.
        event_streams: makes the responses of ``.sse``.
        socket_upgrades: makes the WebSockets of ``.ws``.
    """

    injector: Injector
    application: Any
    encode_json: Callable[[Any], bytes]
    files: WebFiles
    event_streams: EventStreams
    socket_upgrades: SocketUpgrades
