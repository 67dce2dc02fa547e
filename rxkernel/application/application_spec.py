"""The arguments of `Application`, as boot reads them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel.application.bundle_resolution import BundleRef
from rxkernel.application.overrides import Overrides
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.routing.converters import Converter
from rxkernel.routing.scalars import Scalar
from rxkernel.routing.storages import MetadataStorages
from rxkernel.servers.aiohttp.host_application import HostApplication
from rxkernel.servers.aiohttp.shared_port import Share
from rxkernel.servers.workers.listening_sockets import Sockets
from rxkernel.settings import Settings


@attrs.frozen(eq=False, kw_only=True)
class ApplicationSpec:
    """Immutable; one boot reads one spec.

    ``application`` is the `Application` itself, for injection. Its type is object here, because
    this module must not import it.
    """

    bundles: tuple[BundleRef, ...]
    controllers: tuple[Any, ...]
    listeners: tuple[Any, ...]
    modules: tuple[Any, ...]
    settings: Settings
    settings_class: type[Any] | None
    application: object
    dispatcher: AsyncEventDispatcher
    storages: MetadataStorages
    options: tuple[str, ...] = ()
    converters: Mapping[str, Converter] = MappingProxyType({})
    scalars: tuple[Scalar, ...] = ()
    overrides: Overrides = MappingProxyType({})
    mounted_in: HostApplication | None = None
    share: Share | None = None
    sockets: Sockets | None = None
