"""Handler directories: a tree of folders whose files answer requests."""

from bundles.web.backend.backend_events import BackendEvents
from bundles.web.bundle import WebBundle
from bundles.web.channels.channels import Channels
from bundles.web.channels.settings import ChannelSettings
from bundles.web.client import Client
from bundles.web.client_context import ClientContext
from bundles.web.directories.directories_place import Directories
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_chain import Chain
from bundles.web.extensions.extension import Extension
from bundles.web.files.stored_file import StoredFile
from bundles.web.files.uploads import Uploads
from bundles.web.firewall.firewall import Firewall
from bundles.web.firewall.settings import FirewallSettings
from bundles.web.page_cache.page_cache import PageCache
from bundles.web.proxy.reverse_proxy import ReverseProxy, Upstream
from bundles.web.proxy.settings import ProxySettings
from bundles.web.routes.route import Route
from bundles.web.settings import WebSettings

__all__ = [
    "BackendEvents",
    "Chain",
    "ChannelSettings",
    "Channels",
    "Client",
    "ClientContext",
    "Directories",
    "Directory",
    "DirectoryTree",
    "Extension",
    "Firewall",
    "FirewallSettings",
    "Handler",
    "PageCache",
    "ProxySettings",
    "ReverseProxy",
    "Route",
    "StoredFile",
    "Uploads",
    "Upstream",
    "WebBundle",
    "WebSettings",
]
