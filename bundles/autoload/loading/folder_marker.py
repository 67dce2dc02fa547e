"""The marker of names that are namespaces."""

from enum import Enum


class Found(Enum):
    """The kind of a name that is not a value."""

    FOLDER = "folder"


FOLDER = Found.FOLDER
"""The name is a namespace: a view continues below it."""
