"""The paths that belong to native aiohttp handlers, not to the kernel.

A request for one of them leaves the fast path; all other requests stay on it.
"""

from collections.abc import Iterable

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


@attrs.define(eq=False)
class PathSet:
    """Exact paths, and the beginnings of others."""

    exact: set[str] = attrs.field(factory=set)
    prefixes: tuple[str, ...] = ()

    def add(self, path: str) -> None:
        """Add *path* as it is, with and without percent-encoding."""
        self.exact |= {path, URL.build(path=path).raw_path}

    def add_below(self, prefix: str) -> None:
        """Add all paths that begin with *prefix*."""
        self.prefixes = tuple({*self.prefixes, prefix, URL.build(path=prefix).raw_path})

    def __contains__(self, path: object) -> bool:
        return path in self.exact or (isinstance(path, str) and path.startswith(self.prefixes))

    def covers(self, url: URL) -> bool:
        """Whether one of the readings of the path of *url* is in the set: aiohttp compares
        decoded paths, in which ``%2F`` and ``%25`` stay."""
        return url.path in self or url.path_safe in self or url.raw_path in self


@attrs.frozen(eq=False)
class Mount:
    """A path of a bundle; ``parameter`` names the rest of the path where it is a subtree."""

    template: str
    segments: tuple[str, ...]
    parameter: str | None
    handler: Handler
    owner: str

    @property
    def literal(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The templates of aiohttp; a slash at the end of an exact path is ignored."""
        literal = self.literal.replace("%", "%25")  # it compares with `URL.path_safe`
        below = literal.removesuffix("/")
        if self.parameter is not None:
            return (rf"{below}/{{{self.parameter}:[\s\S]+}}",)
        return (literal, f"{below}/") if below else ("/",)

    def hides(self, segments: list[str | None]) -> bool:
        """Whether no request would reach a route with *segments*; None is a parameter."""
        own = list(self.segments)
        if self.parameter is None:
            return segments == own
        return segments[: len(own)] == own and len(segments) > len(own)

    def add_to(self, paths: PathSet) -> None:
        if self.parameter is None:
            for path in (self.literal, *self.patterns):
                paths.add(path)
        else:
            paths.add_below(self.literal.removesuffix("/") + "/")


class NativePaths:
    """The mounts of one HTTP server, and the native routes that were added by hand.

    Attributes:
        routes: the paths of all native routes; complete after `install`.
        long_lived: the paths whose requests draining does not wait for.
    """

    def __init__(self) -> None:
        self.routes = PathSet()
        self.long_lived = PathSet()
        self._mounts: list[Mount] = []
        self._is_installed = False

    def mount(self, path: str, handler: Handler, owner: object, *, long_lived: bool) -> None:
        """Give *path* to *handler*; *owner* is what messages show.

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
        mount = _mount_of(path, handler, describe(owner))
        for other in self._mounts:
            if (other.segments, other.parameter is None) == (
                mount.segments,
                mount.parameter is None,
            ):
                raise ConfigurationError(
                    f"{mount.template!r} is mounted twice, for {other.owner} and for "
                    f"{mount.owner}; choose another path for one of them"
                )
        self._mounts.append(mount)
        if long_lived:
            mount.add_to(self.long_lived)

    def check(self, definitions: Iterable[HttpDefinition], prefix: str) -> None:
        """Refuse routes of the kernel that a mount hides; *prefix* is ``http.prefix``.

        Raises:
            ConfigurationError: with every such route.
        """
        errors = [
            ConfigurationError(
                f"route {definition.name!r} ({definition.method} {prefix}{definition.path}) "
                f"cannot be reached: {mount.template!r} is mounted for {mount.owner}; change "
                f"one of the paths"
            )
            for definition in definitions
            for mount in self._mounts
            if mount.hides(_segments(prefix, definition.metadata.syntax.steps))
        ]
        if errors:
            raise ConfigurationError.merge(errors)

    @property
    def are_responding(self) -> bool:
        """Whether there are native routes besides those of Socket.IO, which write their own
        headers; after `install`."""
        own = self.routes
        return bool(own.prefixes) or not own.exact <= self.long_lived.exact

    def reopen(self) -> None:
        """The engine is a new one: paths may be mounted until `install`."""
        self._is_installed = False

    def install(self, router: web.UrlDispatcher) -> None:
        """Read what *router* has, and add the mounts to it.

        Raises:
            ConfigurationError: *router* has a native route for a mounted path.
        """
        self.routes = PathSet()
        for resource in router.resources():
            _add_resource(self.routes, resource)
        errors = []
        for mount in self._mounts:
            if not self.routes.exact.isdisjoint(mount.patterns):
                errors.append(
                    ConfigurationError(
                        f"{mount.template!r} is mounted for {mount.owner}, and the engine has a "
                        f"native route for it; remove one of them"
                    )
                )
            for pattern in mount.patterns:
                router.add_route("*", pattern, mount.handler)
        for mount in self._mounts:
            mount.add_to(self.routes)
        if errors:
            raise ConfigurationError.merge(errors)
        self._is_installed = True


def _mount_of(path: str, handler: Handler, owner: str) -> Mount:
    syntax = TemplateSyntax.parse(path)
    steps = syntax.steps
    parameter = steps[-1].fields[0].name if steps and _is_path(steps[-1]) else None
    literal = steps if parameter is None else steps[:-1]
    if any(step.fields for step in literal):
        raise ConfigurationError(
            f"{path!r} cannot be mounted for {owner}: a mounted path has at most one parameter, "
            f"{{name:path}} at its end; write such a path, and read the rest in the handler"
        )
    segments = tuple(step.literals[0] for step in literal)
    return Mount(syntax.text, segments, parameter, handler, owner)


def _is_path(step: Step) -> bool:
    return any(field.kind == PATH.name for field in step.fields)


def _segments(prefix: str, steps: Iterable[Step]) -> list[str | None]:
    own = [None if step.fields else step.literals[0] for step in steps]
    return [*filter(None, prefix.split("/")), *own]


def _add_resource(paths: PathSet, resource: web.AbstractResource) -> None:
    """Add what may be handled by *resource*: its path, or all with its literal beginning."""
    if isinstance(resource, MatchedSubAppResource):
        paths.add_below("/")  # it looks at more than the path
        return
    literal, is_pattern, _ = resource.canonical.partition("{")
    if is_pattern:
        paths.add_below(literal)
    else:
        paths.add(literal)
        if isinstance(resource, PrefixResource):
            paths.add_below(literal.removesuffix("/") + "/")
