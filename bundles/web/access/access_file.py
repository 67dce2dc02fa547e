"""The file ``access.py`` of a directory: data."""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.assigned_names import variables
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import ConfigurationError

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "guests": True,
        "logged": True,
        "groups": (),
        "http": True,
        "https": True,
        "intro": False,
        "index": False,
        "virtual": False,
        "auth": None,
        "realm": "Restricted",
    }
)
"""The fields, and what counts where no file sets them."""


@attrs.frozen(eq=False)
class AccessFile:
    """The fields that one file sets."""

    file: SourceFile
    values: Mapping[str, Any]


def access_of(file: SourceFile, module: ModuleType) -> AccessFile:
    """Return the fields of *file*.

    Raises:
        ConfigurationError: with every name that is not a field.
    """
    names = variables(file, module)
    if unknown := [name for name in names if name not in DEFAULTS]:
        raise ConfigurationError(
            *(f"{n!r} is not a field; the fields are {', '.join(DEFAULTS)}" for n in unknown)
        )
    return AccessFile(file, MappingProxyType({name: vars(module)[name] for name in names}))
