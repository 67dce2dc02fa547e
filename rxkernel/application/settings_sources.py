"""Settings from files, environment and command line, checked against the attrs classes.

Later sources win. One `ConfigurationError` reports every error in every source. A message never
shows a value that was read from a ``…_FILE``, or that belongs to a field with the metadata
``{"secret": True}``; such a field should also have ``repr=False``.
"""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, get_args

import attrs
import msgspec

from rxkernel.application.entry_points import installed
from rxkernel.application.settings_fields import (
    Field,
    RawValue,
    Setting,
    SettingPath,
    default_of,
    fields_of,
    group_of,
    key_of,
    reason_of,
)
from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest
from rxkernel.settings import APP, PORT_SETTINGS, Settings

_DEFAULTS = Settings()

APPLICATIONS = "applications"
"""The table that contains a table for each of several applications, by name."""

PER_APPLICATION = "per_application"
"""Field metadata: True for the path of a file that applications cannot share. If the settings file
has tables of applications, the default then gets a folder with the name of the application, unless
it is None. For other values: a function that takes the default and the name of the application,
and returns the value for this application."""

TABLES = "tables"
"""Field metadata for ``Mapping[str, SettingsClass]``: a table for each name that the file chooses,
such as ``[resources.databases.reports]``. Variables can only change tables that exist already."""

_OWN_CLASSES = frozenset({("bundles",), (APP,)})
"""The settings classes of an application and its bundles."""


def load_settings(
    *,
    directory: Path,
    environment: Mapping[str, str],
    overrides: Mapping[str, object] = {},
    defaults: Settings = _DEFAULTS,
    sections: Mapping[str, type] = {},
    app: type | None = None,
    name: str | None = None,
) -> Settings:
    """Merge *defaults*, the file in *directory*, *environment* and *overrides*.

    The file is ``rxkernel.toml``, or ``[tool.rxkernel]`` of ``pyproject.toml``; having both is an
    error. Its values and *overrides* (by dotted name, ``http.port``) have types; variables are
    text: ``true``, ``1``. Commas separate the items of a list; an empty text or ``none`` means
    None if the setting allows None. ``RXKERNEL_X_FILE`` is the path, relative to *directory*, of a
    file with the value.

    *sections* has the settings class of each bundle, *app* is that of the application. With
    *name*, the table ``applications.<name>`` overrides the rest of the file.

    Raises:
        ConfigurationError: with one line per mistake: setting, source, allowed values.
    """
    loader = SettingsLoader.of(directory, defaults, sections, app, name=name)
    settings = loader.load(environment, overrides)
    if settings is None:
        raise ConfigurationError(*loader.problems)
    return settings


def settings_files(directory: Path) -> tuple[Path, Path]:
    """The files that `load_settings` reads."""
    return directory / "rxkernel.toml", directory / "pyproject.toml"


def secret_variables(
    settings: Settings, sections: Mapping[str, type], app: type | None
) -> set[str]:
    """The variables of `load_settings` whose values are secret."""
    loader = SettingsLoader.of(Path(), settings, sections, app)
    return {setting.variable for setting in loader.settings.values() if setting.is_secret}


def default_section(name: str, cls: type) -> Any:
    """The settings of the bundle *name* if no source sets them: the defaults of *cls*.

    Raises:
        ConfigurationError: a setting has no default, or the defaults are invalid.
    """
    loader = SettingsLoader(Path())
    loader.describe_sections({name: cls})
    built = loader.build(cls, (name,), None)
    if loader.problems:
        raise ConfigurationError(*loader.problems)
    return built


@attrs.define(eq=False)
class SettingsLoader:
    """The known settings, the values from the sources, and the problems.

    Attributes:
        families: the class of each field with `TABLES`, and whether the field is secret.
        name: the name of the application, for its table in the file.
        others: the loaders of the applications that are served together with it. A setting that
            one of them has is not reported as unknown.
    """

    directory: Path
    defaults: Settings = _DEFAULTS
    app: type | None = None
    name: str | None = None
    others: Sequence["SettingsLoader"] = ()
    tables: Mapping[str, object] = attrs.field(factory=dict, init=False)
    is_in_table: bool = attrs.field(default=False, init=False)
    sections: dict[str, type] = attrs.field(factory=dict, init=False)
    settings: dict[SettingPath, Setting] = attrs.field(factory=dict, init=False)
    families: dict[SettingPath, tuple[type, bool]] = attrs.field(factory=dict, init=False)
    groups: set[SettingPath] = attrs.field(factory=set, init=False)
    given: dict[SettingPath, tuple[RawValue, object]] = attrs.field(factory=dict, init=False)
    secrets: set[SettingPath] = attrs.field(factory=set, init=False)
    problems: list[str] = attrs.field(factory=list, init=False)
    spoiled: set[SettingPath] = attrs.field(factory=set, init=False)

    @classmethod
    def of(
        cls,
        directory: Path,
        defaults: Settings,
        sections: Mapping[str, type],
        app: type | None,
        *,
        name: str | None = None,
    ) -> Self:
        """Return a loader that knows all settings; see `load_settings`."""
        loader = cls(directory, defaults, app, name)
        loader.describe(type(defaults), ())
        loader.describe_sections(sections)
        if app is not None and not loader.describe_section(APP, app):
            loader.app = None
        return loader

    def load(
        self, environment: Mapping[str, str], overrides: Mapping[str, object]
    ) -> Settings | None:
        """Read all sources, and build the settings; None if there are `problems`."""
        self.read_file()
        self.read_environment(environment)
        for name, value in overrides.items():
            self.accept(tuple(name.split(".")), RawValue(value, f"argument {name}"))
        defaults = self.defaults
        settings: Settings = self.build(type(defaults), (), defaults)
        bundles = {
            name: self.build(cls, (name,), defaults.bundles.get(name))
            for name, cls in self.sections.items()
        }
        own = defaults.app if self.app is None else self.build(self.app, (APP,), defaults.app)
        if self.problems:
            return None
        if self.name is not None and self.tables:
            for section in bundles:
                bundles[section] = self._with_own_files((section,), bundles[section])
        return attrs.evolve(settings, bundles={**defaults.bundles, **bundles}, app=own)

    def _with_own_files(self, path: SettingPath, built: Any) -> Any:
        """Return the settings *built* with files of this application, unless a source sets them:
        ``var/shop/tasks.sqlite3`` for ``var/tasks.sqlite3``."""
        own = {}
        for field in attrs.fields(type(built)):
            value, child = getattr(built, field.name), (*path, key_of(field))
            of_application = field.metadata.get(PER_APPLICATION)
            if attrs.has(type(value)):
                own[field.alias] = self._with_own_files(child, value)
            elif not of_application or child in self.given or value != field.default:
                continue
            elif callable(of_application):
                own[field.alias] = of_application(value, str(self.name))
            elif value is not None:
                own[field.alias] = type(value)(_below(Path(value), str(self.name)))
        return attrs.evolve(built, **own)

    def fail(self, problem: str, path: SettingPath = ()) -> None:
        self.problems.append(" ".join(problem.split()))
        self.spoiled.add(path)

    def describe(self, cls: type, path: SettingPath, is_secret: bool = False) -> None:
        """Register every setting of *cls*; one inside a secret is secret too."""
        self.groups.add(path)
        for field, kind in fields_of(cls):
            child = (*path, key_of(field))
            hide = is_secret or bool(field.metadata.get("secret"))
            if field.metadata.get(TABLES):
                self.groups.add(child)
                self.families[child] = get_args(kind)[1], hide
            elif (group := group_of(kind)) is not None:
                self.describe(group, child, hide)
            elif child not in _OWN_CLASSES:
                self.settings[child] = Setting(child, kind, field, hide)

    def describe_sections(self, sections: Mapping[str, type]) -> None:
        for name, cls in sections.items():
            if (name,) in self.groups | self.settings.keys() | _OWN_CLASSES:
                self.fail(f"{name}: a bundle cannot have the name of a setting; rename the bundle")
            elif self.describe_section(name, cls):
                self.sections[name] = cls

    def describe_section(self, name: str, cls: type) -> bool:
        """Register every setting of *cls* in the section *name*; return whether *cls* is valid."""
        if not (isinstance(cls, type) and attrs.has(cls)):
            shown = getattr(cls, "__qualname__", cls)
            self.fail(f"{name}: the settings class {shown} must be an attrs class", (name,))
            return False
        self.describe(cls, (name,))
        return True

    def read_file(self) -> None:
        own, project = settings_files(self.directory)
        document = self._parse(own)
        if document is not None:
            self._read_document(document, str(own))
        tools = (self._parse(project) or {}).get("tool")
        if not (isinstance(tools, dict) and "rxkernel" in tools):
            return
        if document is not None:
            self.fail(
                f"{own} and [tool.rxkernel] of {project} both exist; move all settings into one "
                f"of them, and remove the other"
            )
        else:
            self._read_document(tools["rxkernel"], f"{project} [tool.rxkernel]")

    def _read_document(self, document: object, source: str) -> None:
        """Read the settings of all applications, then those of this application."""
        if isinstance(document, Mapping):
            document = dict(document)
            tables = document.pop(APPLICATIONS, {})
            if isinstance(tables, Mapping) and all(isinstance(t, dict) for t in tables.values()):
                self.tables = tables
            else:
                self.fail(f"{APPLICATIONS} from {source}: must have a table for each application")
        self.accept((), RawValue(document, source))
        if self.name is not None and self.name in self.tables:
            self.is_in_table = True
            table = f"{APPLICATIONS}.{self.name}"
            self.accept((), RawValue(self.tables[self.name], f"{source} [{table}]"))
            self.is_in_table = False

    def _parse(self, path: Path) -> dict[str, Any] | None:
        """The document, empty after an error; None if the file does not exist."""
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

    def accept(self, path: SettingPath, given: RawValue) -> None:
        """Store a value, or every value of a table, if a setting of that name exists."""
        self._describe_member(path)
        if self.is_in_table and _is_common(path):
            self.fail(
                f"{'.'.join(path)} from {given.source}: applies to all applications that are "
                f"served together; write it in [{path[0]}]",
                path,
            )
        elif path in self.settings:
            self._take(self.settings[path], given)
        elif path not in self.groups:
            self._report_unknown(path, given)
        elif isinstance(given.value, Mapping):
            for key, value in given.value.items():
                self.accept((*path, key), attrs.evolve(given, value=value))
        else:
            name = ".".join(path) or "rxkernel"
            self.fail(f"{name} from {given.source}: must be a table of settings", path)

    def _describe_member(self, path: SettingPath) -> None:
        """Register the settings of the table with a chosen name that contains *path*, once."""
        for family, (cls, is_secret) in self.families.items():
            member = path[: len(family) + 1]
            if member[:-1] == family and member not in self.groups:
                self.describe(cls, member, is_secret)
                return

    def _take(self, setting: Setting, given: RawValue) -> None:
        if setting.hides(given):
            self.secrets.add(setting.path)
        try:
            self.given[setting.path] = given, setting.convert(given)
        except msgspec.ValidationError:
            self.fail(setting.problem_of(given), setting.path)

    def _is_of_other(self, path: SettingPath) -> bool:
        """Whether *path*, which is unknown here, may be a setting of another application.

        A setting that no application has is reported by the loader without a name.
        """
        if self.is_in_table:
            return False
        if len(path) == 1 and (self._has_tables_of_others or (self.others and self.name)):
            return True
        return any(path in other.settings or path in other.groups for other in self.others)

    @property
    def _has_tables_of_others(self) -> bool:
        """Whether the file is for several applications, but only this one is loaded."""
        return not self.others and bool(self.tables.keys() - {self.name})

    def _report_unknown(self, path: SettingPath, given: RawValue) -> None:
        if self._is_of_other(path):
            return
        known = self.groups | self.settings.keys()
        if self.name is None:
            known = known.union(*(other.groups | other.settings.keys() for other in self.others))
        parent = path[:-1] if path[:-1] in self.groups else ()
        siblings = [".".join(name) for name in known if name and name[:-1] == parent]
        names = [".".join(name) for name in known if name != path[: len(name)]]
        hint = _hint(".".join(path), names, siblings)
        enable = "" if path[1:] else " (those of a bundle exist when it is enabled)"
        if len(path) == 1 and path[0] in installed():
            enable, hint = "", _hint_to_enable(path[0])
        if path == (APP,):
            enable = " (those of an application exist with Application(settings_class=…))"
        self.fail(f"{'.'.join(path)} from {given.source}: no such setting{enable}; {hint}", path)

    def _variables(self) -> dict[str, list[tuple[Setting, bool]]]:
        """The settings that each variable may set; True if it is the path of a file."""
        meanings: dict[str, list[tuple[Setting, bool]]] = defaultdict(list)
        for setting in self.settings.values():
            meanings[setting.variable].append((setting, False))
            meanings[f"{setting.variable}_FILE"].append((setting, True))
        return meanings

    def read_environment(self, environment: Mapping[str, str]) -> None:
        meanings = self._variables()
        of_others = {name for other in self.others for name in other._variables()}
        is_reported = not (self._has_tables_of_others or (self.others and self.name))
        for variable in sorted(name for name in environment if name.startswith("RXKERNEL_")):
            match meanings.get(variable):
                case None if variable in of_others or not is_reported:
                    pass
                case None:
                    starts = {_start(setting) for setting in self.settings.values()}
                    names = sorted(of_others.union(meanings))
                    hint = _hint(variable, names, starts, prefix="RXKERNEL_")
                    if (bundle := self._disabled_bundle_of(variable)) is not None:
                        hint = _hint_to_enable(bundle)
                    self.fail(f"{variable}: no such setting; {hint}")
                case [(setting, False)]:
                    self._take(setting, RawValue(environment[variable], variable, is_text=True))
                case [(setting, True)]:
                    self._take_file(setting, variable, environment)
                case several:
                    some = " or ".join(setting.name for setting, _ in several)
                    self.fail(f"{variable}: may mean {some}; set it in rxkernel.toml instead")

    def _disabled_bundle_of(self, variable: str) -> str | None:
        """The installed but disabled bundle whose name is the beginning of *variable*."""
        known = {path[0] for path in self.groups if path}.union(
            *({path[0] for path in other.groups if path} for other in self.others)
        )
        starts = {f"RXKERNEL_{name}_".replace("-", "_").upper(): name for name in installed()}
        found = [name for start, name in starts.items() if variable.startswith(start)]
        return next((name for name in found if name not in known), None)

    def _take_file(self, setting: Setting, variable: str, environment: Mapping[str, str]) -> None:
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
            self._take(setting, RawValue(text, variable, is_text=True, is_hidden=True))

    def build(self, cls: type, path: SettingPath, base: object) -> Any:
        """Build *cls* from the given values and *base*, or the defaults; None after an error."""
        if base is not None and not isinstance(base, cls):
            self.fail(f"{'.'.join(path)} from the defaults: must be a {cls.__name__}", path)
            return None
        values: dict[str, Any] = {}
        try:
            read = {key_of(f): self._value(f, kind, path, base) for f, kind in fields_of(cls)}
            values = {name: value for name, value in read.items() if value is not attrs.NOTHING}
            self._validate(cls, path, values)
            if any(spoiled[: len(path)] == path for spoiled in self.spoiled):
                return None
            return cls(**values)
        except Exception as error:  # noqa: BLE001 - the class of a bundle may raise anything
            self._report_contradiction(cls, path, values, error)
            return None

    def _value(self, field: Field, kind: Any, parent: SettingPath, base: object) -> Any:
        """The value of *field*; NOTHING means the default of the class."""
        path = (*parent, key_of(field))
        start = default_of(field) if base is None else getattr(base, field.name)
        if path in self.families:
            return self._members(path, start)
        if (group := group_of(kind)) and (field.default is attrs.NOTHING or self._values_in(path)):
            return self.build(group, path, None if start is attrs.NOTHING else start)
        if path in self.given:
            return self.given[path][1]
        if base is None and field.default is attrs.NOTHING and path not in self.spoiled:
            variable = self.settings[path].variable
            self.fail(f"{'.'.join(path)}: must be set, in rxkernel.toml or as {variable}", path)
        if base is not None and path in self.settings and self.settings[path].is_secret:
            self.secrets.add(path)
        return attrs.NOTHING if base is None else start

    def _members(self, path: SettingPath, start: Any) -> Any:
        """The tables in *path* by name: from *start* and from the sources."""
        cls, _ = self.families[path]
        named = [group[-1] for group in self.groups if group[:-1] == path]
        if not named:
            return start
        before = {} if start is attrs.NOTHING else start
        built = {name: self.build(cls, (*path, name), before.get(name)) for name in sorted(named)}
        return {**before, **built}

    def _values_in(self, path: SettingPath) -> list[RawValue]:
        return [given for name, (given, _) in self.given.items() if name[: len(path)] == path]

    def _validate(self, cls: type, path: SettingPath, values: Mapping[str, Any]) -> None:
        """Validate every given setting, because the constructor stops at the first error."""
        blank: object = object.__new__(cls)
        for setting in [self.settings[(*path, n)] for n in values if (*path, n) in self.given]:
            given, value = self.given[setting.path]
            try:
                if setting.field.validator is not None:
                    setting.field.validator(blank, setting.field, value)
            except AttributeError:
                continue  # it reads another setting, so only the constructor can call it
            except Exception as error:  # noqa: BLE001 - the class of a bundle may raise anything
                self.fail(setting.problem_of_value(given, error), setting.path)

    def _report_contradiction(
        self, cls: type, path: SettingPath, values: Mapping[str, Any], error: Exception
    ) -> None:
        sources = ", ".join(dict.fromkeys(given.source for given in self._values_in(path)))
        text = reason_of(error)
        # The text may contain a secret, or a part of it, in any form.
        if self._holds_secret(path) and text not in self._open_reasons(cls, path, values):
            kind = type(error).__name__
            text = f"its settings contradict each other ({kind}, whose text is hidden)"
        self.fail(f"{'.'.join(path) or 'rxkernel'} from {sources or 'the defaults'}: {text}", path)

    def _open_reasons(
        self, cls: type, path: SettingPath, values: Mapping[str, Any]
    ) -> Iterator[str]:
        """The errors of the validators of *cls* for an instance without its secrets, so that the
        errors cannot contain them. Validators that read a secret are skipped."""
        instance: object = object.__new__(cls)
        checks: list[Callable[[], object]] = []
        for field in attrs.fields(cls):
            child = (*path, key_of(field))
            if field.converter or child in _OWN_CLASSES or self._holds_secret(child):
                continue
            with suppress(Exception):  # a factory may raise anything
                value = values.get(key_of(field), default_of(field))
                if value is not attrs.NOTHING:
                    object.__setattr__(instance, field.name, value)
                    if field.validator is not None:
                        checks.append(partial(field.validator, instance, field, value))
        checks.append(getattr(instance, "__attrs_post_init__", lambda: None))
        for check in checks:
            try:
                check()
            except AttributeError:
                continue  # the check reads a secret, which *instance* does not have
            except Exception as error:  # noqa: BLE001 - the class of a bundle may raise anything
                yield reason_of(error)

    def _holds_secret(self, path: SettingPath) -> bool:
        """Whether a source has set a secret of the class at *path*, or of a class in it."""
        if not path:  # the class of rxkernel, without bundles and the application
            return any(
                secret[0] not in self.sections and secret[0] != APP for secret in self.secrets
            )
        return any(secret[: len(path)] == path for secret in self.secrets)


def _below(file: Path, name: str) -> Path:
    return file.parent / name / file.name


def _is_common(path: SettingPath) -> bool:
    """Whether all applications of a process must have the same value: settings of the port, of the
    log format, and of the processes."""
    section, key = path[:2] if len(path) > 1 else ("", "")
    if section == "workers":
        return True
    return (section == "http" and key in PORT_SETTINGS) or (
        section == "logging" and key in ("format", "level")
    )


def _start(setting: Setting) -> str:
    """The variable of *setting*; for a setting in a table, the prefix of all its variables."""
    if len(setting.path) == 1:
        return setting.variable
    return f"{attrs.evolve(setting, path=setting.path[:1]).variable}_…"


def _hint_to_enable(bundle: str) -> str:
    return (
        f"those of the bundle {bundle!r} exist when it is enabled, as by "
        f'Application(bundles=["{bundle}"])'
    )


def _hint(name: str, names: Iterable[str], siblings: Iterable[str], prefix: str = "") -> str:
    """A hint for the unknown *name*; its *prefix* is not compared."""
    options = sorted(option.removeprefix(prefix) for option in names)
    close = nearest(name.removeprefix(prefix), options, cutoff=0.75)
    if close:
        return f"did you mean {prefix}{close}?"
    return f"there are {', '.join(sorted(siblings))}"
