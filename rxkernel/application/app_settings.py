"""The settings of the class that an application defines (``settings_class``)."""

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from rxkernel.application.bundle import Bundle
from rxkernel.application.injection_errors import shown
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Settings


def app_settings(cls: type[Any] | None, settings: Settings) -> Any:
    """``settings.app``, or the defaults of *cls*; None without a *cls*.

    Raises:
        ConfigurationError: *cls* is not an attrs class or derives from `Settings`,
            ``settings.app`` is not an instance of *cls*, or a setting without a default is
            missing.
    """
    given = settings.app
    if cls is None:
        if given is None:
            return None
        name = type(given).__qualname__
        raise ConfigurationError(
            f"settings.app is {name}, but the application has no settings_class; write "
            f"Application(settings_class={name})"
        )
    if not (isinstance(cls, type) and attrs.has(cls)):
        raise ConfigurationError(
            f"settings_class is {shown(cls)}, which is not an attrs class; put @attrs.frozen on it"
        )
    name = cls.__qualname__
    if issubclass(cls, Settings):
        raise ConfigurationError(
            f"settings_class is {name}, which derives from rxkernel.Settings; pass a class with "
            f"the settings of the application only"
        )
    if given is None:
        return _defaults(cls)
    if not isinstance(given, cls):
        raise ConfigurationError(
            f"settings.app is {type(given).__qualname__}, but settings_class is {name}; write "
            f"Settings(app={name}(…))"
        )
    return given


def _defaults(cls: type[Any]) -> Any:
    try:
        return cls()
    except (TypeError, ValueError) as exc:
        name = cls.__qualname__
        raise ConfigurationError(
            f"the settings of the application are missing: {exc}; write "
            f"Application(settings=Settings(app={name}(…))), or start it with python -m rxkernel, "
            f"which reads them from the section [app]"
        ) from exc


def report_clashes(cls: type[Any] | None, bundles: Iterable[Bundle]) -> Iterator[str]:
    """Yield a problem for each bundle with the settings class of the application."""
    for bundle in bundles:
        if cls is not None and bundle.settings_class is cls:
            yield (
                f"bundle {bundle.name!r} and the application both have the settings_class "
                f"{cls.__qualname__}; each needs its own"
            )
