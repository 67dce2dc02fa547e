"""The units of ``api``, with their versions and methods."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import attrs

from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.name_rules import INIT, Name, split_unit
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.tree import Tree


@attrs.frozen(eq=False)
class UnitVersion:
    """One version of a unit.

    Attributes:
        files: the files of its methods by name, if it is a folder.
        single: its file, if it is one file: ``api/<unit>.py``.
    """

    unit: str
    version: int
    name: Name
    files: Mapping[str, ModuleFile]
    single: ModuleFile | None


@attrs.frozen(eq=False)
class Unit:
    """The versions of a unit, lowest first."""

    name: str
    versions: Mapping[int, UnitVersion]

    @property
    def latest(self) -> UnitVersion:
        """The highest version, which is used for calls without a version."""
        return self.versions[max(self.versions)]


class Units(Mapping[str, Unit]):
    """The units by name, sorted."""

    def __init__(self, files: Iterable[ModuleFile] = ()) -> None:
        versions: dict[str, dict[int, UnitVersion]] = {}
        for file in files:
            if len(file.name) < 2:
                continue
            unit, number = _unit_of(file.source)
            found = versions.setdefault(unit, {})
            if number not in found:
                found[number] = UnitVersion(unit, number, file.name[:2], {}, None)
            if file.source.stem == INIT:
                continue
            if len(file.name) == 2:
                found[number] = attrs.evolve(found[number], single=file)
            else:
                methods = {**found[number].files, file.name[2]: file}
                found[number] = attrs.evolve(found[number], files=MappingProxyType(methods))
        self._units = {
            name: Unit(name, MappingProxyType(dict(sorted(found.items()))))
            for name, found in sorted(versions.items())
        }

    def __getitem__(self, name: str) -> Unit:
        return self._units[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)


def check_units(tree: Tree) -> list[str]:
    """Return the errors of units that have two folders or files for one version."""
    owners: dict[tuple[str, int], Name] = {}
    problems: list[str] = []
    for name, version in _versions_in(tree).items():
        owner = owners.setdefault(version, name)
        if owner != name:
            problems.append(
                f"{tree.show(f'api/{name[1]}')}: is the same version as api/{owner[1]}; "
                f"remove one of the two"
            )
    return problems


def latest_names(tree: Tree) -> dict[str, Name]:
    """Return the name of the highest version of each unit."""
    found: dict[str, tuple[int, Name]] = {}
    for name, (unit, number) in _versions_in(tree).items():
        found[unit] = max(found.get(unit, (0, ())), (number, name))
    return {unit: name for unit, (_, name) in found.items()}


def _versions_in(tree: Tree) -> dict[Name, tuple[str, int]]:
    """Return the unit and the version of each folder and each file of ``api`` itself."""
    files = (f for f in tree.files.values() if f.place == "api" and len(f.name) > 1)
    return {file.name[:2]: _unit_of(file) for file in files}


def _unit_of(file: SourceFile) -> tuple[str, int]:
    unit = split_unit(file.name[1])
    assert unit is not None  # the scan has checked it
    return unit
