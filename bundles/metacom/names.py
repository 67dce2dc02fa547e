"""The names of methods: ``unit/method`` and ``unit.2/method``."""

import re
from typing import Self

import attrs

_NAME = re.compile(r"([^/.\s]+)(?:\.([0-9]+))?/([^/.\s]+)")


@attrs.frozen
class MethodName:
    """The parts of a name.

    Attributes:
        version: None in a name without a version.
    """

    unit: str
    version: int | None
    method: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the parts of *text*; None if it is not a valid name."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        unit, version, method = found.groups()
        return cls(unit, None if version is None else int(version), method)

    def __str__(self) -> str:
        unit = self.unit if self.version is None else f"{self.unit}.{self.version}"
        return f"{unit}/{self.method}"
