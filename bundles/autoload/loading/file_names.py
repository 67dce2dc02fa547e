"""The names of files in the namespaces."""

from collections.abc import Callable
from difflib import get_close_matches

from bundles.autoload.loading.name_rules import INIT, SERVICE, Name, problem_of, split_unit
from bundles.autoload.loading.place_names import SETUP

OTHER_FORMATS = (".json", ".yaml", ".yml", ".ini", ".cfg", ".env", ".js")
"""The suffixes of files that look like configuration, but are not read."""


_DIGITS = frozenset("0123456789")


class BadNameError(Exception):
    """A file has a name that code cannot use. The message states the rule."""


def name_of(place: str, key: str, mode: str | None) -> Name | None:
    """Return the name of the file *key*; None if it is not read, because of its kind or *mode*.

    Raises:
        BadNameError: the file is read, but its name cannot be used.
    """
    folders, _, entry = key.rpartition("/")
    stem, _, suffix = entry.rpartition(".")
    if place == "resources":
        return tuple(key.split("/"))
    if suffix != "py" and not (place == "config" and suffix == "toml"):
        return None
    names = folders.split("/")
    if place == "config" and "." in stem:
        stem, _, own_mode = stem.partition(".")
        if own_mode != mode:
            return None
    is_special = stem in (INIT, SERVICE)
    checked = names[1:] if is_special else [*names[1:], stem]
    _check(place, checked)
    return (*names, SERVICE) if stem == SERVICE else (place, *checked)


def name_in(key: str, reads: Callable[[str], bool]) -> Name | None:
    """Return the name of the file *key* in the place of another bundle: all parts of the path,
    with the suffix, since there may be both ``get.py`` and a folder ``get``."""
    return tuple(key.split("/")) if reads(key) else None


def is_almost_of_mode(key: str, mode: str | None) -> bool:
    """Whether the configuration file *key* is for a mode with a name similar to *mode*."""
    parts = key.rpartition("/")[2].split(".")
    own = parts[1] if len(parts) == 3 and parts[2] in ("py", "toml") else None
    return bool(own and mode and own != mode and get_close_matches(own, [mode], cutoff=0.7))


def _check(place: str, names: list[str]) -> None:
    if place == "api":
        if len(names) > 2:
            raise BadNameError("a unit of api has no folders; write api/<unit>/<method>.py")
        names = [*map(_unit_name, names[:1]), *names[1:]]
    if place == SETUP:  # code does not use these names, so 001_tables.py is valid too
        names = [name if name[:1] not in _DIGITS else f"_{name}" for name in names]
    problems = [problem for name in names if (problem := problem_of(name))]
    if problems:
        raise BadNameError("; ".join(problems))


def _unit_name(name: str) -> str:
    """Return *name* without its version."""
    unit = split_unit(name)
    if unit is None:
        raise BadNameError(
            f"{name!r} has a version that is not a whole number from 1; write "
            f"{name.partition('.')[0]}.2"
        )
    return unit[0]
