"""The marker of names that are namespaces."""

from enum import Enum


class Found(Enum):
    """What a name can be, apart from a value."""

    FOLDER = "folder"


FOLDER = Found.FOLDER
"""A name is a namespace: a view continues below it."""
