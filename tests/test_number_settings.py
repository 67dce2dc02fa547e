"""All settings classes of rxkernel and of bundles: errors of invalid numbers have one form.

Boot adds the source of a value, see `tests/application/test_settings_sources.py`.
"""

import math
import re
from collections.abc import Iterator
from importlib import import_module
from types import NoneType
from typing import Any, get_args, get_type_hints

import attrs
import pytest

from bundles.contracts import Queue
from bundles.resources.settings import DatabaseSettings
from rxkernel import Allowed, Bundle, ConfigurationError, Settings
from rxkernel.application.entry_points import installed
from rxkernel.application.settings_sources import load_settings

_UNIT = r"(bytes, |seconds, |days, |KiB, |a port, )?"
_RANGE = r"(\S+ or more|\S+ to \S+|more than 0( and at most 1)?)"
_RULE = re.compile(
    rf"{_UNIT}((a whole number|a number), )?{_RANGE}( \(0: a free one\))?(, or none)?"
    r"|421 or 404|0, or a whole number of at least 44, the length of a hash"
)


def _with_groups(cls: type) -> Iterator[type]:
    yield cls
    for field in attrs.fields(cls):
        for kind in (hint := get_type_hints(cls)[field.name], *get_args(hint)):
            if isinstance(kind, type) and attrs.has(kind):
                yield from _with_groups(kind)


def _classes() -> list[type]:
    """Without `Queue`: it is also an argument of decorators, and boot checks it."""
    bundles = (import_module(f"bundles.{name}") for name in sorted(installed()))
    sections = {
        cls.settings_class
        for module in bundles
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Bundle) and cls.settings_class
    }
    found = [each for cls in (Settings, DatabaseSettings, *sections) for each in _with_groups(cls)]
    return sorted({*found} - {Queue}, key=lambda cls: cls.__qualname__)


def _is_number(cls: type, name: str) -> bool:
    hint = get_type_hints(cls)[name]
    return not {*(get_args(hint) or (hint,))} - {int, float, NoneType}


_FIELDS = [
    pytest.param(field, id=f"{cls.__qualname__}.{field.name}")
    for cls in _classes()
    for field in attrs.fields(cls)
    if _is_number(cls, field.name)
]


@pytest.mark.parametrize("field", _FIELDS)
def test_number_that_is_invalid_is_an_error_of_one_form(field: "attrs.Attribute[Any]") -> None:
    check: Any = field.validator
    assert isinstance(check, Allowed)
    assert _RULE.fullmatch(check.text), check.text
    for value in (0, -1, math.inf, math.nan, 10**400, True, "1"):
        if value == 0 and check.holds(0):
            continue
        if value == 10**400 and int in check.kinds and float not in check.kinds:
            continue
        with pytest.raises(ValueError, match="must be") as raised:
            check(None, field, value)
        assert str(raised.value) == f"{field.name} must be {check.text}; it is {value!r:.100}"


def test_number_in_a_file_is_an_error_with_value_rule_and_unit(tmp_path: Any) -> None:
    (tmp_path / "rxkernel.toml").write_text(
        "[redis]\npool_size = 0\nconnect_timeout = inf\n[sessions]\nmax_size = 1.5\nfile = ''\n"
    )
    sections = {
        name: import_module(f"bundles.{name}.settings").__dict__[f"{name.title()}Settings"]
        for name in ("redis", "sessions")
    }

    with pytest.raises(ConfigurationError) as raised:
        load_settings(directory=tmp_path, environment={}, sections=sections)

    assert sorted(problem.partition(": ")[2] for problem in raised.value.problems) == [
        "got '', must be the path of a file",
        "got 0, must be a whole number, 1 or more",
        "got 1.5, must be bytes, a whole number, 1 or more",
        "got inf, must be seconds, more than 0",
    ]
