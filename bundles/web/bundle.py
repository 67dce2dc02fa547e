"""What the bundle adds to an application."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from injector import Binder, Injector, inject, singleton

from bundles.autoload import ApplicationFolder, Autoload, Place, application
from bundles.autoload.endpoints.security_rules import users_of
from bundles.autoload.places.api_paths import ApiPaths
from bundles.clock import Clock
from bundles.redis_backend import redis_backend
from bundles.security import AddressLimit, SecuritySettings
from bundles.sessions import Sessions
from bundles.web.backend.backend_events import BackendEvents
from bundles.web.backend.transport import BACKEND
from bundles.web.channels.channels import Channels
from bundles.web.channels.event_log import EventLog, MemoryEventLog
from bundles.web.channels.event_streams import EventStreams
from bundles.web.channels.identities import Identities
from bundles.web.channels.last_event_ids import LastEventIds
from bundles.web.channels.settings import ChannelSettings
from bundles.web.channels.socket_upgrades import SocketUpgrades
from bundles.web.channels.subscribers import Subscribers
from bundles.web.directories.directories_place import Directories
from bundles.web.directories.directory_tree import PLACE
from bundles.web.directories.environment import Environment
from bundles.web.directories.error_handlers import ErrorHandlers
from bundles.web.directories.error_page_files import ErrorPageFiles
from bundles.web.directories.program_handler import NO_META, ProgramHandler, program_handler
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.extensions import Extensions
from bundles.web.files.error_pages import ErrorPages
from bundles.web.files.missing_files import MissingFiles
from bundles.web.files.uploads import Uploads
from bundles.web.files.uploads_folder import uploads_folder
from bundles.web.files.web_files import NAME, WebFiles, web_files
from bundles.web.firewall.firewall import Firewall
from bundles.web.introspection.tree_pages import TreePages
from bundles.web.listeners import JsonpCallbacks, VirtualPaths
from bundles.web.page_cache.page_cache import PageCache
from bundles.web.proxy.reverse_proxy import ReverseProxy
from bundles.web.routes.forwarding import forwarding_of
from bundles.web.routes.route import Route
from bundles.web.routes.rules import Rules
from bundles.web.routes.slow_log import SlowLog
from bundles.web.sessions.client_sessions import ClientSessions
from bundles.web.settings import WebSettings
from bundles.web.templates.error_templates import ErrorTemplates
from rxkernel import Bundle, ConfigurationError, HttpServer, Kernel, Settings

_BUNDLES = '["redis", …]'


class WebBundle(Bundle):
    """Serves the folder ``app`` of the directory of `AutoloadBundle`.

    ``get``, ``post``, ``put``, ``patch`` and ``delete`` register handlers before boot, like the
    methods of ``application`` in the files that are loaded and in start hooks.

    Args:
        extensions: further extensions, or replacements of built-in ones.
        routes: rules that are applied before handlers and files are looked up, and before the
            rules of ``config/routes.py``.
    """

    name = "web"
    requires = ("autoload", "contracts", "sessions", "security")
    after = ("redis", "tasks")
    settings_class = WebSettings
    listeners: Sequence[Any] = (
        Firewall,
        VirtualPaths,
        JsonpCallbacks,
        MissingFiles,
        ErrorHandlers,
        ErrorTemplates,
        Identities,
        LastEventIds,
        ReverseProxy,
        SlowLog,
        BackendEvents,
    )
    transports = (BACKEND,)
    provides = (BackendEvents, Channels, Firewall, ReverseProxy)

    def __init__(
        self, *, extensions: Iterable[Extension] = (), routes: Iterable[Route] = ()
    ) -> None:
        self._extensions = Extensions(extensions)
        self._routes = tuple(routes)
        self._programs: list[ProgramHandler] = []

    def get(self, path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        """Register *function* for GET of the directory *path*, such as ``/hello.ajax``: the same
        as a file ``get.py`` there. *function* is ``async def handler(client)``, or ``async def
        middleware(request, next)``.

        Raises:
            ConfigurationError: every problem.
        """
        self._programs.append(program_handler("get", path, function, meta))

    def post(self, path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        self._programs.append(program_handler("post", path, function, meta))

    def put(self, path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        self._programs.append(program_handler("put", path, function, meta))

    def patch(self, path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        self._programs.append(program_handler("patch", path, function, meta))

    def delete(self, path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        self._programs.append(program_handler("delete", path, function, meta))

    def configure(self, binder: Binder) -> None:
        root = binder.injector.get(ApplicationFolder).path
        _check(root)
        self._bind_stores(binder, root)
        self._add_files(root, binder)
        channels = binder.injector.get(WebSettings).channels
        binder.bind(ChannelSettings, to=channels)
        binder.bind(EventLog, to=_event_log(binder, channels), scope=singleton)  # type: ignore[type-abstract]
        for service in (
            BackendEvents,
            ClientSessions,
            Channels,
            Subscribers,
            Identities,
            EventStreams,
            SocketUpgrades,
            Firewall,
            ReverseProxy,
            SlowLog,
        ):
            binder.bind(service, scope=singleton)
        binder.bind(Directories, to=self._directories, scope=singleton)
        binder.multibind(list[Place], to=self._places)

    def _add_files(self, root: Path, binder: Binder) -> None:
        injector, prefix = binder.injector, binder.injector.get(Settings).http.prefix

        def handles(path: str) -> bool:
            return injector.get(HttpServer).handles(path)

        api = "api" if (root / "api").is_dir() else None  # that of autoload
        paths = ApiPaths(prefix, NAME, handles, api)
        pages = TreePages()
        files = web_files(root / PLACE, api=paths, pages=pages)
        errors = ErrorPageFiles(ErrorPages(root / PLACE, prefix))
        self.listeners = (*type(self).listeners, paths, errors)
        binder.bind(WebFiles, to=files)
        binder.bind(TreePages, to=pages)

    def _bind_stores(self, binder: Binder, root: Path) -> None:
        """Bind the services for cached pages and uploads."""
        settings = binder.injector.get(WebSettings)
        uploads = Uploads(uploads_folder(root, settings.uploads), settings.upload_types)
        binder.bind(Uploads, to=uploads)
        binder.bind(Clock, scope=singleton)
        binder.bind(PageCache, to=self._pages, scope=singleton)

    @inject
    def _pages(
        self, kernel: Kernel, clock: Clock, sessions: Sessions, settings: WebSettings
    ) -> PageCache:
        return PageCache(
            kernel.serializer,
            clock,
            sessions.sent_id,
            size=settings.page_cache_size,
            entries=settings.page_cache_entries,
        )

    @inject
    def _directories(
        self,
        injector: Injector,
        kernel: Kernel,
        files: WebFiles,
        tree_pages: TreePages,
        sessions: ClientSessions,
        pages: PageCache,
        uploads: Uploads,
        security: SecuritySettings,
    ) -> Directories:
        environment = Environment(
            injector,
            partial(injector.get, Autoload),
            application,
            kernel.serializer,
            files,
            sessions=sessions,
            event_streams=injector.get(EventStreams),
            socket_upgrades=injector.get(SocketUpgrades),
            pages=pages,
            uploads=uploads,
            firewall=injector.get(Firewall),
        )
        roles = {*security.roles, *(role for below in security.roles.values() for role in below)}
        limits = security.throttling
        directories = Directories(
            environment,
            self._extensions,
            self._programs,
            self._rules(injector, kernel),
            roles,
            injector.get(Settings).http.allowed_hosts,
            AddressLimit(limits.address_attempts, limits.window, "password_throttled"),
            has_users=lambda: not users_of(injector).is_empty,
            has_workers=injector.get(Settings).http.reuse_port,
            has_own_channels=injector.get(ChannelSettings).store == "memory",
        )
        tree_pages.directories = directories
        return directories

    def _rules(self, injector: Injector, kernel: Kernel) -> Rules:
        return Rules(
            self._routes,
            kernel,
            injector.get(SlowLog),
            partial(forwarding_of, injector.get(ReverseProxy)),
            prefix=injector.get(Settings).http.prefix,
            server=partial(injector.get, HttpServer),
        )

    @inject
    def _places(self, directories: Directories) -> list[Place]:
        return [directories]


def _event_log(binder: Binder, settings: ChannelSettings) -> type[EventLog]:
    if settings.store == "memory":
        return MemoryEventLog
    place = "bundles.web.channels.redis_event_log:RedisEventLog"
    log: type[EventLog] = redis_backend(binder, "web.channels.store", _BUNDLES, place)
    return log


def _check(root: Path) -> None:
    """Check that *root* has a tree.

    Raises:
        ConfigurationError: the folder ``app`` is missing, or ``static`` exists too.
    """
    if not (root / PLACE).is_dir():
        raise ConfigurationError(
            f"{root / PLACE} does not exist; create it with a handler, get.py, or remove the "
            f"bundle web"
        )
    if (root / "static").is_dir():
        raise ConfigurationError(
            f"{root / 'static'} and {root / PLACE} would both be served at /; move the files of "
            f"static to {PLACE}"
        )
