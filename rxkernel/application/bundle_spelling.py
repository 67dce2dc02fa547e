"""Finds misspelt attributes of a bundle class, which would have no effect."""

import inspect
from collections.abc import Iterator
from typing import Any

from rxkernel.application.bundle import Bundle
from rxkernel.nearest import nearest

_OWN = [name for name in ("name", *vars(Bundle)) if not name.startswith("_")]
_METHODS = [name for name in _OWN if inspect.isfunction(vars(Bundle).get(name))]
_VALUES = [name for name in _OWN if name not in _METHODS]


def misspelt(cls: type[Bundle]) -> Iterator[str]:
    """Yield a problem for each attribute of *cls* whose name is similar to one of `Bundle`."""
    for attribute, value in _written(cls).items():
        known = _METHODS if inspect.isfunction(value) else _VALUES
        near = nearest(attribute, known, cutoff=0.85)
        if near is not None and near not in attribute:  # a longer name is probably intended
            yield (
                f"{attribute} is not an attribute of bundles; did you mean "
                f"{near}? If not, choose another name"
            )


def _written(cls: type[Bundle]) -> dict[str, Any]:
    """The public attributes of *cls* and its base classes, without those of `Bundle`."""
    bases = [base for base in cls.__mro__ if issubclass(base, Bundle) and base is not Bundle]
    return {
        name: value
        for base in bases
        for name, value in vars(base).items()
        if name not in _OWN and name.islower() and not name.startswith("_")
        if not inspect.ismemberdescriptor(value)  # a slot, set on the instance
    }
