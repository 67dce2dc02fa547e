"""The eight levels of syslog (RFC 5424 §6.2.1), mapped to the levels of `logging`."""

import logging
from enum import IntEnum
from typing import Self


class LogLevel(IntEnum):
    """The importance of a log line; 0 is the most important level."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTIFICATION = 5
    INFORMATION = 6
    DEBUG = 7

    @classmethod
    def of(cls, given: "str | int | LogLevel") -> Self:
        """Return the level with the name or number *given*; the case of a name is ignored.

        Raises:
            ValueError: there is no such level.
        """
        try:
            if isinstance(given, bool):  # True is 1
                raise ValueError
            return cls[given.upper()] if isinstance(given, str) else cls(given)
        except (KeyError, ValueError):
            names = ", ".join(level.name for level in cls)
            raise ValueError(
                f"{given!r} is not a level; write one of {names}, or its number from 0 to 7"
            ) from None

    @property
    def of_logging(self) -> int:
        """The number of the level in `logging`: NOTIFICATION is between INFO and WARNING,
        EMERGENCY and ALERT are above CRITICAL."""
        return _OF_LOGGING[self]


_OF_LOGGING = (70, 60, 50, 40, 30, 25, 20, 10)

for _level in (LogLevel.EMERGENCY, LogLevel.ALERT, LogLevel.NOTIFICATION):
    logging.addLevelName(_level.of_logging, _level.name)  # `logging` has the names of the others
