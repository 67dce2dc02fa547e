"""An application with its settings read from the file, the environment and the options."""

import os
from collections.abc import Mapping
from pathlib import Path

from rxkernel.application.application import Application
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.settings_sources import load_settings
from rxkernel.cli.locate import locate


def load(target: str | None, overrides: Mapping[str, object]) -> Application:
    """Find *target* and read its settings.

    Raises:
        ConfigurationError: the application does not exist, or a setting is invalid.
    """
    application = locate(target)
    load_settings_of(application, overrides)
    return application


def load_settings_of(application: Application, overrides: Mapping[str, object]) -> None:
    """Merge the sources of settings over the application's own settings.

    Raises:
        ConfigurationError: with every invalid setting.
    """
    sections = {
        bundle.name: bundle.settings_class
        for bundle in resolve_bundles(application.bundles)
        if bundle.settings_class is not None
    }
    application.settings = load_settings(
        directory=Path.cwd(),
        environment=os.environ,
        overrides=overrides,
        defaults=application.settings,
        sections=sections,
        app=application.settings_class,
    )
