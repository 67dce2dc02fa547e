"""Settings that are reloaded while the application runs."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from rxkernel.application.settings_fields import key_of
from rxkernel.events.event import Event
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import APP, Settings

logger = logging.getLogger(__name__)

_MISSING = object()


@attrs.define(eq=False)
class SettingsChangedEvent(Event):
    """Dispatched after valid settings were read again. Every listener is called; their errors are
    logged.

    A listener applies the settings that it can change while the application runs, and calls
    `applied`. The log names all other changed settings, which need a restart. Services keep the
    settings that boot has injected.

    Attributes:
        settings: all settings, as read now.
        changed: the dotted names of the settings whose values differ from those in use.
    """

    settings: Settings
    changed: frozenset[str]
    _applied: set[str] = attrs.field(factory=set, init=False)

    def has_changed(self, name: str) -> bool:
        """Whether the setting *name*, or one in the table *name*, is in `changed`."""
        return any(_is_in(one, name) for one in self.changed)

    def applied(self, name: str) -> None:
        """Report that the setting *name*, or all settings in the table *name*, are in use now."""
        self._applied.update(one for one in self.changed if _is_in(one, name))

    @property
    def pending(self) -> frozenset[str]:
        """The settings in `changed` that no listener has applied."""
        return self.changed - self._applied


class RunningSettings:
    """The setting values that an application uses, for comparison with new ones.

    Args:
        name: the name of the application for the log, if there are several.
    """

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        self._prefix = _prefix(name)
        self._values = dict(_values_of(settings, ""))

    def changes_to(self, settings: Settings) -> SettingsChangedEvent:
        """Return the event for *settings*."""
        new = dict(_values_of(settings, ""))
        changed = {
            name
            for name in new.keys() | self._values.keys()
            if new.get(name, _MISSING) != self._values.get(name, _MISSING)
        }
        return SettingsChangedEvent(settings, frozenset(changed))

    def take(self, event: SettingsChangedEvent) -> None:
        """Store the values that listeners of *event* have applied, and log the result."""
        new = dict(_values_of(event.settings, ""))
        applied = event.changed - event.pending
        for name in applied:
            if name in new:
                self._values[name] = new[name]
            else:
                del self._values[name]
        _log(self._prefix, sorted(applied), sorted(event.pending))


@contextmanager
def settings_errors_logged(name: str | None = None) -> Iterator[None]:
    """Log an exception of `Application.reload_settings` in the block; the settings do not change.

    Args:
        name: the name of the application, if there are several.
    """
    prefix = _prefix(name)
    try:
        yield
    except ConfigurationError as exc:
        logger.error("%sthe settings are not changed: %s", prefix, "; ".join(exc.problems))
    except Exception:
        logger.exception("%sthe settings are not changed", prefix)


def _prefix(name: str | None) -> str:
    return "" if name is None else f"{name}: "


def _log(prefix: str, applied: list[str], pending: list[str]) -> None:
    """Log the names only: a value may be secret."""
    changed = ", ".join(applied) or ("no change was applied" if pending else "no changes")
    logger.info("%sthe settings were read again: %s", prefix, changed)
    if pending:
        logger.warning("%schanged settings that need a restart: %s", prefix, ", ".join(pending))


def _values_of(settings: Any, prefix: str) -> Iterator[tuple[str, object]]:
    """Yield each setting with its dotted name."""
    for field in attrs.fields(type(settings)):
        if not field.init:
            continue
        name, value = key_of(field), getattr(settings, field.name)
        if isinstance(settings, Settings) and name == "bundles":
            yield from _values_of_all(value)
        elif _is_table(value):
            yield from _values_of(value, f"{prefix}{name}.")
        elif (prefix, name) != ("", APP):
            yield f"{prefix}{name}", value


def _values_of_all(sections: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, section in sections.items():
        if _is_table(section):
            yield from _values_of(section, f"{name}.")


def _is_table(value: object) -> bool:
    return attrs.has(type(value))


def _is_in(name: str, table: str) -> bool:
    return name == table or name.startswith(f"{table}.")
