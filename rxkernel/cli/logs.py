"""What the commands that serve log, and how it reads."""

import logging

from rxkernel.settings import LoggingSettings

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def configure_logging(settings: LoggingSettings) -> None:
    """Log to stderr, one line per record; an application that has set handlers keeps those."""
    logging.basicConfig(level=settings.level, format=_FORMAT)
