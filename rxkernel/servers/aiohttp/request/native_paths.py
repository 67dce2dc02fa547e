"""The paths that bundles serve: with native aiohttp handlers, WebSockets and POST handlers.

Requests to native handlers and WebSockets leave the fast path; all other requests stay on it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

import attrs
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_urldispatcher import MatchedSubAppResource, PrefixResource
from yarl import URL

from rxkernel.events.dispatcher import describe
from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.routing.kinds import PATH
from rxkernel.routing.syntax import Step, TemplateSyntax
from rxkernel.servers.aiohttp.request.body_reader import defer_continue


@attrs.define(eq=False)
class PathSet:
    """Exact paths and prefixes of paths."""

    exact: set[str] = attrs.field(factory=set)
    prefixes: tuple[str, ...] = ()

    def add(self, path: str) -> None:
        """Add *path*, both as it is written and percent-encoded."""
        self.exact |= {path, URL.build(path=path).raw_path}

    def add_below(self, prefix: str) -> None:
        """Add all paths that begin with *prefix*."""
        self.prefixes = tuple({*self.prefixes, prefix, URL.build(path=prefix).raw_path})

    def __contains__(self, path: object) -> bool:
        return path in self.exact or (isinstance(path, str) and path.startswith(self.prefixes))

    def covers_target(self, target: str) -> bool:
        """Whether the encoded path *target* is in the set; see `covers`."""
        return target in self or ("%" in target and self.covers(URL(target, encoded=True)))

    def covers(self, url: URL) -> bool:
        """Whether the path of *url* is in the set, raw or decoded. aiohttp compares decoded paths,
        in which ``%2F`` and ``%25`` stay encoded."""
        return url.path in self or url.path_safe in self or url.raw_path in self


class MountUse(StrEnum):
    """The requests to a path that a mount handles: all, WebSockets, or POST.

    The value is shown in listings.
    """

    ALL = "mount"
    WEBSOCKET = "websocket"
    POST = "handler"


@attrs.frozen(eq=False)
class Mount:
    """A path that was passed to `HttpServer.mount`, `websocket` or `handle`.

    Attributes:
        parameter: the name of the parameter for the rest of the path; None if only the exact path
            is mounted.
        handler: None for a POST handler, which the pipeline of the kernel's routes calls.
        owner: the handler, as error messages show it.
        is_shared: whether *handler* gets only the handshakes of WebSockets. Other requests are
            handled by the other mount of the path, or as if the path was not mounted.
    """

    template: str
    segments: tuple[str, ...]
    parameter: str | None
    handler: Handler | None
    owner: str
    use: MountUse
    is_shared: bool = False

    @property
    def literal(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The templates for aiohttp's router. An exact path may also end with a slash."""
        literal = self.literal.replace("%", "%25")  # the router compares with `URL.path_safe`
        below = literal.removesuffix("/")
        if self.parameter is not None:
            return (rf"{below}/{{{self.parameter}:[\s\S]+}}",)
        return (literal, f"{below}/") if below else ("/",)

    def serves_path_of(self, other: Self) -> bool:
        """Whether both have the same path."""
        own = self.segments, self.parameter is None
        return own == (other.segments, other.parameter is None)

    def hides(self, method: str, segments: list[str | None]) -> bool:
        """Whether a route with *segments* could not be reached; None is a parameter."""
        if self.is_shared or (self.use is MountUse.POST and method != "POST"):
            return False
        prefix = list(self.segments)
        if self.parameter is None:
            return segments == prefix
        return segments[: len(prefix)] == prefix and len(segments) > len(prefix)

    def add_to(self, paths: PathSet) -> None:
        if self.parameter is None:
            for path in (self.literal, *self.patterns):
                paths.add(path)
        else:
            paths.add_below(self.literal.removesuffix("/") + "/")


class NativePaths:
    """The mounts of one HTTP server, and the native routes of its engine.

    Attributes:
        mounts: in the order in which they were mounted.
        routes: the paths of all native routes; complete after `install`.
        long_lived: the paths whose requests are not waited for when the server drains.
    """

    def __init__(self) -> None:
        self.routes = PathSet()
        self.long_lived = PathSet()
        self.mounts: list[Mount] = []
        self._is_installed = False

    def mount(
        self,
        path: str,
        handler: Handler | None,
        owner: object,
        *,
        use: MountUse = MountUse.ALL,
        long_lived: bool = False,
        is_shared: bool = False,
    ) -> None:
        """Mount *handler* at *path*; error messages name *owner*.

        Raises:
            ConfigurationError: the template cannot be mounted, or is mounted already.
            RxKernelError: the server has started.
        """
        if self._is_installed:
            raise RxKernelError(
                f"{path!r} is mounted after the HTTP server has started; mount it in the "
                f"constructor of a bundle or a service, or in a listener of "
                f"application.bootstrap or server.configure"
            )
        mount = _parse_mount(path, handler, describe(owner), use, is_shared)
        for other in self.mounts:
            if other.serves_path_of(mount) and other.is_shared == is_shared:
                raise ConfigurationError(
                    f"{mount.template!r} is mounted twice, for {other.owner} and for "
                    f"{mount.owner}; choose another path for one of them"
                )
        self.mounts.append(mount)
        if long_lived and not is_shared:
            mount.add_to(self.long_lived)

    def check(self, definitions: Iterable[HttpDefinition], prefix: str) -> None:
        """Check that no mount hides a route of the kernel; *prefix* is ``http.prefix``.

        Raises:
            ConfigurationError: lists every hidden route.
        """
        errors = [
            ConfigurationError(
                f"route {definition.name!r} ({definition.method} {prefix}{definition.path}) "
                f"cannot be reached: {mount.template!r} is mounted for {mount.owner}; change "
                f"one of the paths"
            )
            for definition in definitions
            if definition.metadata.routed
            for mount in self.mounts
            if mount.hides(definition.method, _segments(prefix, definition.metadata.syntax.steps))
        ]
        if errors:
            raise ConfigurationError.merge(errors)

    @property
    def has_native_routes(self) -> bool:
        """Whether there are native routes that, unlike those of Socket.IO, do not add the default
        headers themselves. Call it after `install`."""
        routes = self.routes
        return bool(routes.prefixes) or not routes.exact <= self.long_lived.exact

    def other_than(self, path: str) -> Handler | None:
        """Return the handler for requests to *path* that its shared mount does not handle; None if
        no other mount has the path."""
        shared = next(m for m in self.mounts if m.is_shared and m.template == path)
        others = (m for m in self.mounts if not m.is_shared and m.serves_path_of(shared))
        return next((mount.handler for mount in others), None)

    def reopen(self) -> None:
        """Allow mounts again, until `install` is called for a new engine."""
        self._is_installed = False

    def install(self, router: web.UrlDispatcher) -> None:
        """Read the routes of *router*, and add the mounts to it.

        Raises:
            ConfigurationError: *router* has a native route for a mounted path.
        """
        self.routes = PathSet()
        for resource in router.resources():
            _add_resource(self.routes, resource)
        errors = []
        for mount in self.mounts:
            if not self.routes.exact.isdisjoint(mount.patterns):
                errors.append(
                    ConfigurationError(
                        f"{mount.template!r} is mounted for {mount.owner}, but the engine has a "
                        f"native route for it; remove one of them"
                    )
                )
        # shared ones first: the router uses the first route that matches
        for mount in sorted(self.mounts, key=lambda mount: not mount.is_shared):
            if mount.handler is None:
                continue
            for pattern in mount.patterns:
                if mount.is_shared:
                    router.add_route("GET", pattern, mount.handler, expect_handler=defer_continue)
                else:
                    router.add_route("*", pattern, mount.handler)
            if not mount.is_shared:
                mount.add_to(self.routes)
        if errors:
            raise ConfigurationError.merge(errors)
        self._is_installed = True


def _parse_mount(
    path: str, handler: Handler | None, owner: str, use: MountUse, is_shared: bool
) -> Mount:
    syntax = TemplateSyntax.parse(path)
    steps = syntax.steps
    parameter = steps[-1].fields[0].name if steps and _has_path_parameter(steps[-1]) else None
    literal = steps if parameter is None else steps[:-1]
    if use is MountUse.POST and syntax.parameters:
        raise ConfigurationError(
            f"{path!r} cannot be mounted for {owner}: the path of a POST handler must not have "
            f"parameters"
        )
    if any(step.fields for step in literal):
        raise ConfigurationError(
            f"{path!r} cannot be mounted for {owner}: a mounted path has at most one parameter, "
            f"{{name:path}} at its end; use such a path, and read the rest in the handler"
        )
    segments = tuple(step.literals[0] for step in literal)
    return Mount(syntax.text, segments, parameter, handler, owner, use, is_shared)


def _has_path_parameter(step: Step) -> bool:
    return any(field.kind == PATH.name for field in step.fields)


def _segments(prefix: str, steps: Iterable[Step]) -> list[str | None]:
    literals = [None if step.fields else step.literals[0] for step in steps]
    return [*filter(None, prefix.split("/")), *literals]


def _add_resource(paths: PathSet, resource: web.AbstractResource) -> None:
    """Add all paths that *resource* may match: its path, or those with its literal prefix."""
    if isinstance(resource, MatchedSubAppResource):
        paths.add_below("/")  # it may match by the host, with any path
        return
    literal, is_pattern, _ = resource.canonical.partition("{")
    if is_pattern:
        paths.add_below(literal)
    else:
        paths.add(literal)
        if isinstance(resource, PrefixResource):
            paths.add_below(literal.removesuffix("/") + "/")
