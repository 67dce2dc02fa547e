"""What requests use of the application."""

from collections.abc import Callable
from typing import Any

import attrs
from injector import Injector

from bundles.autoload import Autoload
from bundles.web.channels.event_streams import EventStreams
from bundles.web.channels.socket_upgrades import SocketUpgrades
from bundles.web.files.uploads import Uploads
from bundles.web.files.web_files import WebFiles
from bundles.web.firewall.firewall import Firewall
from bundles.web.page_cache.page_cache import PageCache
from bundles.web.sessions.client_sessions import ClientSessions
from rxkernel import Serializer


@attrs.frozen(eq=False)
class Environment:
    """The services of chains and clients.

    Attributes:
        autoload: returns what has the snapshots; it exists after the environment.
        application: the running `Application`, as files read it: ``bundles.autoload.application``.
        serializer: that of the kernel, with the scalars of the application.
        files: what sends the static files.
        sessions: those of clients.
        event_streams: makes the responses of ``.sse``.
        socket_upgrades: makes the WebSockets of ``.ws``.
        pages: what ``client.cache`` keeps.
        uploads: what ``client.upload`` stores.
        firewall: what ``client.block`` adds to.
    """

    injector: Injector
    autoload: Callable[[], Autoload]
    application: Any
    serializer: Serializer
    files: WebFiles
    sessions: ClientSessions
    event_streams: EventStreams
    socket_upgrades: SocketUpgrades
    pages: PageCache
    uploads: Uploads
    firewall: Firewall
