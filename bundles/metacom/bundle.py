"""The bundle metacom."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from injector import Binder, singleton

from bundles.metacom.connected_methods import ConnectedMethods
from bundles.metacom.exposure import Exposed, Exposure
from bundles.metacom.failure_notes import FailureNotes
from bundles.metacom.introspection import Introspection
from bundles.metacom.method_not_allowed_packets import MethodNotAllowedPackets
from bundles.metacom.rest import RestPackets
from bundles.metacom.server import MetacomServer
from bundles.metacom.settings import MetacomSettings
from rxkernel import Bundle


class MetacomBundle(Bundle):
    """Serves methods to clients of Metacom, such as the npm package ``metacom``.

    Args:
        expose: controllers whose routes are served as methods too, by the name of their unit:
            ``{"articles": ArticleController}``.

    Raises:
        ConfigurationError: *expose* is not a mapping.
    """

    name = "metacom"
    after = ("sessions", "security", "contracts", "autoload")
    listeners: Sequence[Any] = (FailureNotes, ConnectedMethods, Exposure, Introspection)
    servers = (MetacomServer,)
    settings_class = MetacomSettings

    def __init__(self, *, expose: Mapping[str, object] = MappingProxyType({})) -> None:
        self._exposed = Exposed.of(expose)

    def configure(self, binder: Binder) -> None:
        settings = binder.injector.get(MetacomSettings)
        listeners = [*type(self).listeners]
        if settings.compat:
            listeners.append(MethodNotAllowedPackets)
        if settings.rest == "packets":
            listeners.append(RestPackets)
        self.listeners = tuple(listeners)
        binder.bind(Exposed, to=self._exposed)
        binder.bind(Introspection, scope=singleton)
