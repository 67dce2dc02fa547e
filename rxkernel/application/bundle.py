"""The base class of bundles: sources of routes, listeners on events, or transports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, ClassVar

import click
from injector import Binder

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.transport import Transport
from rxkernel.routing.markers import Marker
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.resolver import Resolver
from rxkernel.routing.scalars import Scalar
from rxkernel.servers.server import Server


class Bundle:
    """Subclass it, and set a name and the attributes below. Pass the class or an instance to
    `Application`.

    The injector builds a class, so an ``@inject`` constructor may take ``Settings``, the
    dispatcher, the storages, the settings of the bundle and services of earlier bundles. Its
    methods may have `@observe`.

    Attributes:
        requires: names of bundles that must be enabled too; they are set up first.
        after: names of bundles that are set up first if they are enabled.
        controllers, listeners, options: as for `Application`.
        servers: the classes of servers; the injector builds them.
        transports: the transports whose procedures this bundle calls, besides those of its
            servers.
        resolvers: the classes, or instances, that provide the arguments for markers of the bundle,
            see `Resolver`; the injector builds classes.
        default_markers: the markers of parameters without a marker, by the class of the parameter
            or one of its base classes. Use classes of services, not of values that clients send.
        scalars: as for `Application`.
        commands: commands of the command line, added under ``python -m rxkernel``.
        settings_class: an attrs class, read from the section with the name of the bundle, and
            injectable.
        provides: classes that `configure` binds for applications. If one of them, or
            `settings_class`, is injected while the bundle is not enabled, the error names the
            bundle.
        test_options: the names of arguments of `KernelClient` and of the fixture ``client_of`` for
            this bundle, see `settings_for_test`.
    """

    name: ClassVar[str]
    requires: ClassVar[Sequence[str]] = ()
    after: ClassVar[Sequence[str]] = ()
    controllers: Sequence[Any] = ()
    listeners: Sequence[Any] = ()
    servers: Sequence[type[Server]] = ()
    options: Sequence[str] = ()
    transports: Sequence[Transport] = ()
    resolvers: Mapping[type[Marker], type[Resolver] | Resolver] = MappingProxyType({})
    default_markers: Mapping[type[Any], Marker] = MappingProxyType({})
    scalars: Sequence[Scalar] = ()
    commands: Sequence[click.Command] = ()
    settings_class: ClassVar[type[Any] | None] = None
    provides: ClassVar[Sequence[type[Any]]] = ()
    test_options: ClassVar[Sequence[str]] = ()

    def configure(self, binder: Binder) -> None:
        """Bind the services of this bundle."""

    @classmethod
    def settings_for_test(cls, settings: Any, options: Mapping[str, Any], undo: ExitStack) -> Any:
        """Return *settings*, those of this bundle, changed for a test.

        *options* are the arguments of `test_options` that the test has passed. *undo* is closed
        after the client has stopped the application. It is called before boot.
        """
        return settings

    def routes_of(self, controller: Any) -> Iterable[RouteMetadata | ConfigurationError]:
        """Return the routes that this bundle creates for *controller*, besides its labelled
        methods.

        It is called with each controller of the application and its bundles, a class, an instance
        or a module, at boot and at a reload that adds it. Return () for controllers that the
        bundle does not support, and an error for each invalid route.
        """
        return ()


def imported_bundles() -> Iterator[type[Bundle]]:
    """Yield all bundles whose modules are imported, even if they are not enabled."""
    found = Bundle.__subclasses__()
    for bundle in found:
        found += bundle.__subclasses__()
        if hasattr(bundle, "name"):
            yield bundle


def bundle_with_marker(cls: type[Any]) -> type[Bundle] | None:
    """The imported bundle that has a default marker for parameters of *cls*, or None.

    It helps a bundle to distinguish parameters that a client sends from those that the kernel
    passes.
    """
    for bundle in imported_bundles():
        markers = bundle.default_markers
        known = markers if isinstance(markers, Mapping) else ()  # unchecked: it is not enabled
        if any(isinstance(base, type) and issubclass(cls, base) for base in known):
            return bundle
    return None
