"""Settings from files, environment and command line, checked against the attrs classes.

Later sources win. Every mistake in every source is found before one `ConfigurationError`
tells them all. What was read through ``…_FILE``, or belongs to a field with the metadata
``{"secret": True}``, is never shown; give such a field ``repr=False`` as well.
"""

import difflib
import reprlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec

from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Allowed, Settings

_Path: TypeAlias = tuple[str, ...]
_Field: TypeAlias = "attrs.Attribute[Any]"

_DEFAULTS = Settings()
_LISTS = (tuple, list, set, frozenset)


def load_settings(
    *,
    directory: Path,
    environment: Mapping[str, str],
    overrides: Mapping[str, object] = {},
    defaults: Settings = _DEFAULTS,
    sections: Mapping[str, type] = {},
) -> Settings:
    """Merge *defaults*, the file in *directory*, *environment* and *overrides*.

    The file is ``rxkernel.toml``, or else ``[tool.rxkernel]`` of ``pyproject.toml``. Its values
    and *overrides* (by dotted name, ``http.port``) have their own type; variables are text:
    ``true``, ``1``; a list is parted by commas; empty or ``none`` is None where None is
    allowed. ``RXKERNEL_X_FILE`` names the file, relative to *directory*, that holds X.
    *sections* has the settings class of each bundle.

    Raises:
        ConfigurationError: one line per mistake: setting, source, what is allowed.
    """
    loader = _Loader(directory)
    loader.describe(type(defaults), ())
    loader.describe_sections(sections)
    loader.read_file()
    loader.read_environment(environment)
    for name, value in overrides.items():
        loader.accept(tuple(name.split(".")), _Given(value, f"command line ({name})"))
    settings: Settings = loader.build(type(defaults), (), defaults)
    bundles = {
        name: loader.build(cls, (name,), defaults.bundles.get(name))
        for name, cls in loader.sections.items()
    }
    if loader.problems:
        raise ConfigurationError(*loader.problems)
    return attrs.evolve(settings, bundles={**defaults.bundles, **bundles})


@attrs.frozen
class _Given:
    """A value as one source gave it."""

    value: object
    source: str
    is_text: bool = False
    is_hidden: bool = False


@attrs.frozen
class _Setting:
    """One name that sources may set."""

    path: _Path
    kind: Any
    field: _Field
    is_secret: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        return "_".join(("rxkernel", *self.path)).replace("-", "_").upper()

    def hides(self, given: _Given) -> bool:
        return self.is_secret or given.is_hidden

    def convert(self, given: _Given) -> object:
        value = _from_text(str(given.value), self.kind) if given.is_text else given.value
        return msgspec.convert(value, self.kind, strict=not given.is_text, dec_hook=_to_path)

    def refuse(self, given: _Given, error: Exception | None = None) -> str:
        """Why *given* is refused; *error*, its validator's, may quote it: not for a secret."""
        shown = "a value that is kept secret" if self.hides(given) else _show(given.value)
        got = f"{self.name} from {given.source}: got {shown}"
        if isinstance(self.field.validator, Allowed):
            return f"{got}, must be {self.field.validator.text}"
        if error is None or self.hides(given):
            return (
                f"{got}, must be {'of type' if error is None else 'an allowed'} {_type(self.kind)}"
            )
        return f"{got}, but {_reason(error)}"


@attrs.define(eq=False)
class _Loader:
    """What may be set, what was given, and everything that was wrong with it."""

    directory: Path
    sections: dict[str, type] = attrs.field(factory=dict, init=False)
    settings: dict[_Path, _Setting] = attrs.field(factory=dict, init=False)
    groups: set[_Path] = attrs.field(factory=set, init=False)
    given: dict[_Path, tuple[_Given, object]] = attrs.field(factory=dict, init=False)
    secrets: list[object] = attrs.field(factory=list, init=False)
    problems: list[str] = attrs.field(factory=list, init=False)
    spoiled: set[_Path] = attrs.field(factory=set, init=False)

    def fail(self, problem: str, path: _Path = ()) -> None:
        self.problems.append(" ".join(problem.split()))
        self.spoiled.add(path)

    def describe(self, cls: type, path: _Path, is_secret: bool = False) -> None:
        """Note every setting of *cls*; one inside a secret is secret too."""
        self.groups.add(path)
        for field, kind in _fields(cls):
            child = (*path, _key(field))
            hide = is_secret or bool(field.metadata.get("secret"))
            if (group := _group(kind)) is not None:
                self.describe(group, child, hide)
            elif child != ("bundles",):
                self.settings[child] = _Setting(child, kind, field, hide)

    def describe_sections(self, sections: Mapping[str, type]) -> None:
        for name, cls in sections.items():
            if (name,) in self.groups | self.settings.keys() | {("bundles",)}:
                self.fail(f"{name}: no bundle can have the name of a setting; rename the bundle")
            elif not attrs.has(cls):
                self.fail(f"{name}: the settings class {cls.__qualname__} must be an attrs class")
            else:
                self.sections[name] = cls
                self.describe(cls, (name,))

    def read_file(self) -> None:
        own, project = self.directory / "rxkernel.toml", self.directory / "pyproject.toml"
        document = self._parse(own)
        if document is not None:
            self.accept((), _Given(document, str(own)))
            return
        tools = (self._parse(project) or {}).get("tool")
        if isinstance(tools, dict):
            table = tools.get("rxkernel", {})
            self.accept((), _Given(table, f"{project} [tool.rxkernel]"))

    def _parse(self, path: Path) -> dict[str, Any] | None:
        """The document, empty after a failure; None if there is no such file."""
        raw = b""
        try:
            raw = path.read_bytes()
            return tomllib.loads(raw.decode())
        except FileNotFoundError:
            return None
        except OSError as error:
            self.fail(f"{path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.fail(f"{path}: must be UTF-8 text (at line {1 + raw.count(10, 0, error.start)})")
        except (ValueError, RecursionError) as error:
            text = str(error).replace("end of document", f"line {1 + raw.count(10)}, the end")
            self.fail(f"{path}: must be valid TOML: {text}")
        return {}

    def accept(self, path: _Path, given: _Given) -> None:
        """Take a value, or every value of a table, where a setting of that name exists."""
        if path in self.settings:
            self._take(self.settings[path], given)
        elif path not in self.groups:
            self._refuse_unknown(path, given)
        elif isinstance(given.value, Mapping):
            for key, value in given.value.items():
                self.accept((*path, key), attrs.evolve(given, value=value))
        else:
            name = ".".join(path) or "rxkernel"
            self.fail(f"{name} from {given.source}: must be a table of settings", path)

    def _take(self, setting: _Setting, given: _Given) -> None:
        if setting.hides(given):
            self.secrets.append(given.value)
        try:
            self.given[setting.path] = given, setting.convert(given)
        except msgspec.ValidationError:
            self.fail(setting.refuse(given), setting.path)

    def _refuse_unknown(self, path: _Path, given: _Given) -> None:
        known = self.groups | self.settings.keys()
        parent = path[:-1] if path[:-1] in self.groups else ()
        siblings = [".".join(name) for name in known if name and name[:-1] == parent]
        names = [".".join(name) for name in known if name != path[: len(name)]]
        hint = _hint(".".join(path), names, siblings)
        enable = "" if path[1:] else " (those of a bundle exist once it is enabled)"
        self.fail(f"{'.'.join(path)} from {given.source}: no such setting{enable}; {hint}", path)

    def read_environment(self, environment: Mapping[str, str]) -> None:
        meanings: dict[str, list[tuple[_Setting, bool]]] = defaultdict(list)
        for setting in self.settings.values():
            meanings[setting.variable].append((setting, False))
            meanings[f"{setting.variable}_FILE"].append((setting, True))
        for variable in sorted(name for name in environment if name.startswith("RXKERNEL_")):
            match meanings.get(variable):
                case None:
                    starts = {f"RXKERNEL_{name.upper()}" for name, *_ in self.settings}
                    self.fail(f"{variable}: no such setting; {_hint(variable, meanings, starts)}")
                case [(setting, False)]:
                    self._take(setting, _Given(environment[variable], variable, is_text=True))
                case [(setting, True)]:
                    self._take_file(setting, variable, environment)
                case several:
                    names = " or ".join(setting.name for setting, _ in several)
                    self.fail(f"{variable}: may mean {names}; set it in rxkernel.toml instead")

    def _take_file(self, setting: _Setting, variable: str, environment: Mapping[str, str]) -> None:
        where = f"{setting.name} from {variable}"
        path = self.directory / environment[variable]
        if setting.variable in environment:
            self.fail(f"{where}: must not be set together with {setting.variable}", setting.path)
            return
        try:
            text = path.read_bytes().decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            self.fail(f"{where}: cannot read {path}: {error.strerror}", setting.path)
        except ValueError:
            self.fail(f"{where}: {path} must be UTF-8 text", setting.path)
        else:
            self._take(setting, _Given(text, variable, is_text=True, is_hidden=True))

    def build(self, cls: type, path: _Path, base: object) -> Any:
        """A *cls*: what was given over *base*, or over its defaults; None if that failed."""
        if base is not None and not isinstance(base, cls):
            self.fail(f"{'.'.join(path)} from the defaults: must be a {cls.__name__}", path)
            return None
        values = {_key(f): self._value(f, kind, path, base) for f, kind in _fields(cls)}
        values = {name: value for name, value in values.items() if value is not attrs.NOTHING}
        self._judge(cls, path, values)
        if any(spoiled[: len(path)] == path for spoiled in self.spoiled):
            return None
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            self._refuse_together(path, error)
            return None

    def _value(self, field: _Field, kind: Any, parent: _Path, base: object) -> Any:
        """What *field* becomes; NOTHING leaves it to the default of the class."""
        path = (*parent, _key(field))
        start = _default(field) if base is None else getattr(base, field.name)
        if (group := _group(kind)) and (field.default is attrs.NOTHING or self._given_in(path)):
            return self.build(group, path, None if start is attrs.NOTHING else start)
        if path in self.given:
            return self.given[path][1]
        if base is None and field.default is attrs.NOTHING and path not in self.spoiled:
            variable = self.settings[path].variable
            self.fail(f"{'.'.join(path)}: must be set, in rxkernel.toml or as {variable}", path)
        if base is not None and path in self.settings and self.settings[path].is_secret:
            self.secrets.append(start)
        return attrs.NOTHING if base is None else start

    def _given_in(self, path: _Path) -> list[_Given]:
        return [given for name, (given, _) in self.given.items() if name[: len(path)] == path]

    def _judge(self, cls: type, path: _Path, values: Mapping[str, Any]) -> None:
        """Ask the validator of every given setting: construction would stop at the first."""
        blank: object = object.__new__(cls)
        for setting in [self.settings[(*path, n)] for n in values if (*path, n) in self.given]:
            given, value = self.given[setting.path]
            try:
                if setting.field.validator is not None:
                    setting.field.validator(blank, setting.field, value)
            except AttributeError:
                continue  # it looks at another setting, so construction has to ask it
            except (TypeError, ValueError) as error:
                self.fail(setting.refuse(given, error), setting.path)

    def _refuse_together(self, path: _Path, error: Exception) -> None:
        sources = ", ".join(dict.fromkeys(given.source for given in self._given_in(path)))
        text = _reason(error)
        if any(_quotes(text, secret) for secret in self.secrets):
            text = "its settings do not fit together (the reason would show a secret)"
        self.fail(f"{'.'.join(path) or 'rxkernel'} from {sources or 'the defaults'}: {text}", path)


def _key(field: _Field) -> str:
    return field.alias or field.name


def _fields(cls: type[Any]) -> Iterator[tuple[_Field, Any]]:
    """The fields that may be set, each with its type."""
    hints = get_type_hints(cls, include_extras=True)
    return ((f, hints.get(f.name, object)) for f in attrs.fields(cls) if f.init)


def _members(kind: Any) -> tuple[Any, ...]:
    """The types that *kind* is a union of, itself if it is none."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for part in get_args(kind) for member in _members(part))
    return (kind,)


def _group(kind: Any) -> type | None:
    """The attrs class that *kind* is, perhaps with None: a table of settings of its own."""
    return next((m for m in _members(kind) if isinstance(m, type) and attrs.has(m)), None)


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _default(field: _Field) -> Any:
    """The default; NOTHING if there is none, or one that depends on other settings."""
    factory = getattr(field.default, "factory", None)
    if factory is None:
        return field.default
    return attrs.NOTHING if getattr(field.default, "takes_self", False) else factory()


def _from_text(text: str, kind: Any) -> object:
    members = _members(kind)
    if NoneType in members and text.lower() in ("", "none"):
        return None
    if any((get_origin(member) or member) in _LISTS for member in members):
        return [item.strip() for item in text.split(",")] if text.strip() else []
    return text


def _to_path(kind: type, value: object) -> object:
    return Path(value) if kind is Path and isinstance(value, str) else value


def _show(value: object) -> str:
    """*value* in short; a table only by its type, as a part of it may be secret."""
    items = value if isinstance(value, _LISTS) else (value,)
    nested = any(isinstance(item, (Mapping, *_LISTS)) for item in items)
    return f"a {type(value).__name__}" if nested else reprlib.repr(value)


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else repr(error)


def _quotes(text: str, secret: object) -> bool:
    if isinstance(secret, Mapping):
        return any(_quotes(text, item) for item in secret.values())
    if isinstance(secret, _LISTS):
        return any(_quotes(text, item) for item in secret)
    return bool(secret) and (str(secret) in text or repr(secret).strip("'\"") in text)


def _hint(name: str, names: Iterable[str], siblings: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(siblings))}"
