"""`UNSET`: the value of a key that is not set in a contract."""

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The value of a key that a contract does not have."""

UnsetType = Literal[Unset.UNSET]
