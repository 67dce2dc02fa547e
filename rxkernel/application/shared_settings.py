"""The settings of several applications that one process serves."""

from collections.abc import Mapping
from pathlib import Path

from rxkernel.application.application import Application
from rxkernel.application.settings_sources import APPLICATIONS, SettingsLoader
from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest
from rxkernel.settings import Settings


def load_shared_settings(
    applications: Mapping[str, Application],
    *,
    directory: Path,
    environment: Mapping[str, str],
    overrides: Mapping[str, object] = {},
) -> Settings:
    """Read the sources into the settings of all *applications*, by name; return the settings of
    the port and the log.

    The file, the environment and *overrides* are those of `load_settings`, and apply to all
    applications. The section of a bundle applies to the applications that have the bundle. The
    table ``applications.<name>`` of the file applies to one application.

    Raises:
        ConfigurationError: with every invalid setting; if it is invalid for some applications
            only, with their names.
    """
    loaders = {
        name: SettingsLoader.of(
            directory,
            application.settings,
            application.sections(),
            application.settings_class,
            name=name,
        )
        for name, application in applications.items()
    }
    common = SettingsLoader.of(directory, Settings(), {}, None)
    everybody = (common, *loaders.values())
    for loader in everybody:
        loader.others = [other for other in everybody if other is not loader]
    shared = common.load(environment, overrides)
    loaded = {name: loader.load(environment, overrides) for name, loader in loaders.items()}
    if problems := [*_unknown_names(common, loaders), *_problems(common, loaders)]:
        raise ConfigurationError(*problems)
    for name, settings in loaded.items():
        assert settings is not None, "it has no problems"
        applications[name].settings = settings
    assert shared is not None, "it has no problems"
    return shared


def _unknown_names(common: SettingsLoader, loaders: Mapping[str, SettingsLoader]) -> list[str]:
    known = ", ".join(loaders)
    problems = []
    for name in common.tables.keys() - loaders.keys():
        close = nearest(name, [*loaders], cutoff=0.6)
        hint = f"did you mean {close}?" if close else f"there are {known}"
        problems.append(f"{APPLICATIONS}.{name}: no such application is served; {hint}")
    return sorted(problems)


def _problems(common: SettingsLoader, loaders: Mapping[str, SettingsLoader]) -> list[str]:
    owners: dict[str, list[str]] = {}
    for name, loader in loaders.items():
        for problem in loader.problems:
            owners.setdefault(problem, []).append(name)
    everywhere = {problem for problem, names in owners.items() if len(names) == len(loaders)}
    everywhere.update(common.problems)
    return [
        *dict.fromkeys([*common.problems, *(p for p in owners if p in everywhere)]),
        *(f"{' and '.join(n)}: {p}" for p, n in owners.items() if p not in everywhere),
    ]
