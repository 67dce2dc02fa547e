"""The namespaces that code imports: ``from bundles.autoload import domain, lib``.

A view looks up a name each time that it is read. It does not refer to a snapshot, so it may be
kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from injector import Injector

from bundles.autoload.loading.folder_marker import FOLDER
from bundles.autoload.loading.name_rules import Name, dotted
from bundles.autoload.loading.scope import current_runtime, current_source

_own = object.__getattribute__

_MISSING = object()


class View:
    """A namespace: a place, or a folder in it. Its attributes are the files and folders in it.

    ``parent`` is the namespace above. An attribute that is set, such as ``db.geo.pool = pool``,
    belongs to the folder and stays after a reload.
    """

    __slots__ = ("__weakref__", "_folders", "_name")

    _name: Name
    _folders: dict[str, "View"]

    def __init__(self, name: Name) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_folders", {})

    def __getattribute__(self, attribute: str) -> Any:
        """Return the attribute. This takes half the time of ``__getattr__``, for which Python
        first raises an AttributeError."""
        if attribute[:1] == "_":
            return _own(self, attribute)
        name = (*_own(self, "_name"), attribute)
        source = current_source()
        value = source.known.get(name, _MISSING)
        if value is _MISSING:
            if attribute == "parent" and len(name) > 2:
                return type(self)(name[:-2])
            value = source.read(name)
        if value is not FOLDER:
            return value
        folders: dict[str, View] = _own(self, "_folders")
        return folders.get(attribute) or folders.setdefault(attribute, type(self)(name))

    def __setattr__(self, attribute: str, value: Any) -> None:
        current_source().assign(self._name, attribute, value)

    def __delattr__(self, attribute: str) -> None:
        raise AttributeError(f"{dotted(self._name)}.{attribute} cannot be deleted; set it to None")

    def __dir__(self) -> list[str]:
        return current_source().names_in(self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __reduce__(self) -> tuple[type["View"], tuple[Name]]:
        return type(self), (self._name,)

    def __repr__(self) -> str:
        return f"<namespace {dotted(self._name)}>"


class ConfigView(View):
    """The place ``config``. Its files can also be read by key, like the values in them."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError as exc:
            raise KeyError(str(exc)) from exc


class ResourcesView(Mapping[str, bytes]):
    """The files of ``resources``, by their path below it: ``resources["mail/welcome.txt"]``."""

    __slots__ = ()

    def __getitem__(self, path: str) -> bytes:
        content: bytes = current_source().resources[path]
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(current_source().resources)

    def __len__(self) -> int:
        return len(current_source().resources)

    def __repr__(self) -> str:
        return "<resources>"


class ApplicationView:
    """The running `Application`. Its injector can already be read in start hooks."""

    __slots__ = ()

    @property
    def injector(self) -> Injector:
        return current_runtime().injector

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        runtime = current_runtime()
        if attribute in runtime.application_names:
            return runtime.application_names[attribute]
        return getattr(runtime.application, attribute)

    def __repr__(self) -> str:
        return "<the running application>"


api = View(("api",))
"""The endpoints: ``api.<unit>.<method>``."""

bus = View(("bus",))
"""Remote services, as functions."""

config = ConfigView(("config",))
"""The configuration: one attribute per file."""

db = View(("db",))
"""Connections to databases, and queries."""

domain = View(("domain",))
"""State in memory, and the rules of the application."""

init = View(("init",))
"""What each start does last."""

lib = View(("lib",))
"""Functions without state."""

model = View(("model",))
"""Classes of stored or computed values."""

schemas = View(("schemas",))
"""Named schemas, and classes."""

resources = ResourcesView()
"""Files as bytes, by their path below the folder ``resources``."""

application = ApplicationView()
"""The running `Application`, and its injector."""
