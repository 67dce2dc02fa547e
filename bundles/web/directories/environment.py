"""The services that requests use."""

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
        autoload: returns the runtime with the snapshots, which is created after the environment.
        application: the running `Application`, as files read it: ``bundles.autoload.application``.
        serializer: of the kernel, with the scalars of the application.
        files: sends the static files.
        sessions: of clients.
        event_streams: creates the responses of ``.sse``.
        socket_upgrades: creates the WebSockets of ``.ws``.
        pages: the cache of ``client.cache``.
        uploads: the store of ``client.upload``.
        firewall: blocks the clients of ``client.block``.
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
