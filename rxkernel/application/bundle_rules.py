"""Checks the attributes of a bundle before they are used."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import click

from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_spelling import misspelt
from rxkernel.application.injection_errors import shown
from rxkernel.application.settings_fields import fields_of, group_of, key_of
from rxkernel.exception_text import place_of, summary_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.transport import Transport
from rxkernel.routing.markers import BuiltInMarker, Marker
from rxkernel.routing.resolver import problem_of_bind
from rxkernel.routing.scalars import Scalar
from rxkernel.servers.server import Server
from rxkernel.settings import Settings

BundleOrClass = Bundle | type[Bundle]

Rule = Callable[[str, Any], Iterator[str]]
"""Takes the name and the value of an attribute, yields the problems."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_WHEN_BUILT = (
    *("controllers", "listeners", "servers", "options", "transports", "resolvers"),
    *("default_markers", "scalars"),
)
"""Attributes that may be properties; these are checked after the bundle is built."""

SETTING_NAMES = frozenset(key_of(field) for field in attrs.fields(Settings))
"""The names of the settings; a section of a bundle cannot have one of them."""

OWN_COMMANDS = frozenset(
    ("bundles", "call", "check", "listeners", "new", "routes", "serve", "service")
)
"""The commands of rxkernel itself; a bundle cannot replace them."""


def is_bundle_name(name: object) -> bool:
    """Whether *name* is valid also as a section of settings, and as part of a variable."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_bundle(bundle: BundleOrClass) -> None:
    """Check the type of every attribute of *bundle*, a class or an instance.

    Raises:
        ConfigurationError: with every invalid attribute.
    """
    try:
        problems = tuple(_problems(bundle))
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - an attribute may be a property, which may raise
        name = class_of(bundle).__qualname__
        problems = (f"bundle {name} cannot be read: {summary_of(exc)}{place_of(exc)}",)
    if problems:
        raise ConfigurationError(*problems)


def clashes(bundles: Collection[BundleOrClass]) -> Iterator[str]:
    """Yield a problem for each command or settings class that two of *bundles* have."""
    owners: dict[tuple[str, Any], str] = {}
    for bundle in bundles:
        parts: list[tuple[str, Any]] = [
            (f"the command {c.name!r}", c.name) for c in bundle.commands
        ]
        if (kind := bundle.settings_class) is not None:
            parts.append((f"the settings class {kind.__qualname__}", kind))
        for part in parts:
            if (owner := owners.setdefault(part, bundle.name)) != bundle.name:
                both = f"bundles {owner!r} and {bundle.name!r}"
                yield f"{both} both have {part[0]}; each needs its own"


def class_of(bundle: Any) -> type:
    """*bundle* if it is a class, otherwise its class."""
    return bundle if isinstance(bundle, type) else type(bundle)


def _problems(bundle: BundleOrClass) -> Iterator[str]:
    cls = class_of(bundle)
    if not issubclass(cls, Bundle):
        what = shown(bundle)
        yield f"{what} is not a bundle; pass a subclass of rxkernel.Bundle, or an instance"
    elif not (name := getattr(bundle, "name", None)):
        yield f'bundle {cls.__qualname__} has no name; write name = "…" in the class'
    elif isinstance(name, property | cached_property):
        yield f"bundle {cls.__qualname__}: {_of_instances('name')}"
    elif not is_bundle_name(name):
        yield (
            f"bundle {cls.__qualname__}: name is {shown(name)}; use lower-case letters, digits, "
            f"'-' and '_', starting with a letter"
        )
    elif name in SETTING_NAMES:
        yield (
            f"bundle {name!r} ({cls.__qualname__}) has the name of a setting of rxkernel, so it "
            f"cannot have a section of settings; rename the bundle"
        )
    elif abstract := getattr(cls, "__abstractmethods__", ()):
        yield (
            f"bundle {name!r}: {cls.__qualname__} is abstract, it does not implement "
            f"{', '.join(sorted(abstract))}; implement it, or enable a subclass that does"
        )
    else:
        yield from (f"bundle {name!r}: {problem}" for problem in _wrong_attributes(bundle))


def _wrong_attributes(bundle: BundleOrClass) -> Iterator[str]:
    for attribute, rules in _RULES.items():
        value = getattr(bundle, attribute)
        is_later = attribute in _WHEN_BUILT and isinstance(bundle, type)
        if is_later and hasattr(type(value), "__get__"):
            continue
        if isinstance(value, property | cached_property):
            yield _of_instances(attribute)
        else:
            yield from _broken(rules, attribute, value)
    yield from misspelt(class_of(bundle))


def _of_instances(attribute: str) -> str:
    return (
        f"{attribute} is a property, but is read before the bundle is built; write the value in "
        f"the class, or enable an instance"
    )


def _broken(rules: Iterable[Rule], attribute: str, value: Any) -> list[str]:
    """The problems of the first rule in *rules* that finds any."""
    return next(filter(None, (list(rule(attribute, value)) for rule in rules)), [])


def _sequence(attribute: str, value: Any) -> Iterator[str]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        yield f"{attribute} is {shown(value)}; write a tuple or a list"


def _each(wanted: str, is_right: Callable[[Any], bool]) -> Rule:
    """Every item must be *wanted*."""

    def rule(attribute: str, value: Any) -> Iterator[str]:
        wrong = (item for item in value if not is_right(item))
        return (f"{attribute} contains {shown(item)}; it must be {wanted}" for item in wrong)

    return rule


def _complete_servers(attribute: str, value: Any) -> Iterator[str]:
    for server in value:
        what = f"{attribute} contains {server.__qualname__}, which has"
        if not isinstance(getattr(server, "name", None), str):
            yield f'{what} no name; write name = "…" in the class'
        if not isinstance(getattr(server, "transport", None), Transport):
            yield f'{what} no transport; write transport = Transport("…") in the class'


def _is_server(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, Server) and not inspect.isabstract(item)


def _is_transport(item: Any) -> bool:
    return isinstance(item, Transport) and item not in (Transport.HTTP, Transport.SOCKET)


def _named_commands(attribute: str, value: Any) -> Iterator[str]:
    for name, count in Counter(command.name for command in value).items():
        if not name:
            yield f"{attribute} contains a command without a name; write @click.command('…')"
        elif name in OWN_COMMANDS:
            yield f"{attribute} contains {name!r}, a command of rxkernel; rename it"
        elif count > 1:
            yield f"{attribute} contains {count} commands called {name!r}; rename one"


def _settings_class(attribute: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, type) or not attrs.has(value):
        yield f"{attribute} is {shown(value)}; it must be an attrs class: put @attrs.frozen on it"
        return
    try:
        if _is_in_itself(value):
            yield (
                f"{attribute} {value.__qualname__} has itself as a field; settings cannot be "
                f"recursive"
            )
    except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
        yield f"{attribute} {value.__qualname__} has a type that cannot be read: {summary_of(exc)}"


def _is_in_itself(cls: type, outer: tuple[type, ...] = ()) -> bool:
    groups = (group_of(kind) for _, kind in fields_of(cls))
    return cls in outer or any(g is not None and _is_in_itself(g, (*outer, cls)) for g in groups)


def _configure(attribute: str, value: Any) -> Iterator[str]:
    if not callable(value):
        yield f"{attribute} is {shown(value)}; it must be a method that takes the binder"
    elif inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value):
        yield (
            f"{attribute} is an async def; write a plain def, and await in a listener of "
            f"application.bootstrap"
        )


def _resolvers(attribute: str, value: Any) -> Iterator[str]:
    form = f"write {attribute} = {{MyMarker: MyResolver}}"
    if not isinstance(value, Mapping):
        yield f"{attribute} is {shown(value)}, which is not a mapping; {form}"
        return
    for marker, resolver in value.items():
        what = f"{attribute} has {shown(marker)}, which"
        if not (isinstance(marker, type) and issubclass(marker, Marker)) or marker is Marker:
            yield f"{what} is not a subclass of rxkernel.Marker; {form}"
        elif issubclass(marker, BuiltInMarker):
            yield f"{what} is a marker of the kernel; derive your own from rxkernel.Marker"
        elif problem := problem_of_bind(resolver):
            yield f"{attribute}: {problem}"


def _default_markers(attribute: str, value: Any) -> Iterator[str]:
    form = f"write {attribute} = {{MyService: MyMarker()}}"
    if not isinstance(value, Mapping):
        yield f"{attribute} is {shown(value)}, which is not a mapping; {form}"
        return
    for cls, marker in value.items():
        if not isinstance(cls, type):
            yield f"{attribute} has {shown(cls)}, which is not a class; {form}"
        elif not isinstance(marker, Marker):
            yield f"{attribute} has {shown(marker)}, which is not an instance of a marker; {form}"


def _is_str(item: Any) -> bool:
    return isinstance(item, str)


def _is_class(item: Any) -> bool:
    return isinstance(item, type)


def _is_scalar(item: Any) -> bool:
    return isinstance(item, Scalar)


def _is_command(item: Any) -> bool:
    return isinstance(item, click.Command)


_NAMES = (_sequence, _each("the name of a bundle, a str", _is_str))

_RULES: dict[str, tuple[Rule, ...]] = {
    "requires": _NAMES,
    "after": _NAMES,
    "controllers": (_sequence,),
    "listeners": (_sequence,),
    "servers": (
        _sequence,
        _each("a subclass of rxkernel.Server that is not abstract", _is_server),
        _complete_servers,
    ),
    "options": (_sequence, _each("the key of an option, a str", _is_str)),
    "transports": (_sequence, _each("a Transport other than HTTP and SOCKET", _is_transport)),
    "resolvers": (_resolvers,),
    "default_markers": (_default_markers,),
    "scalars": (_sequence, _each("a Scalar", _is_scalar)),
    "commands": (_sequence, _each("a click command", _is_command), _named_commands),
    "settings_class": (_settings_class,),
    "provides": (_sequence, _each("a class", _is_class)),
    "test_options": (_sequence, _each("the name of an argument, a str", _is_str)),
    "configure": (_configure,),
}
"""The rules of each attribute; a rule runs if those before it found no problem."""
