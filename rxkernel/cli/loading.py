"""An application with its settings read from the file, the environment and the options."""

from collections.abc import Mapping

from rxkernel.application.application import Application
from rxkernel.cli.locate import locate, name_of


def load(target: str | None, overrides: Mapping[str, object]) -> Application:
    """Find *target* and read its settings.

    Raises:
        ConfigurationError: the application does not exist, or a setting is invalid.
    """
    application = locate(target)
    application.load_settings(overrides, name=name_of(target))
    return application
