"""The tables of settings on the pages of bundles equal the classes of settings."""

import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from rxkernel.application.bundle_loading import load
from rxkernel.application.entry_points import installed
from tests.required_tools import ROOT

PAGES = sorted((ROOT / "docs" / "bundles").glob("*.md"))
ROW = re.compile(r"^\| (`[a-z_]+\.[a-z0-9_.]+`(?:, `[a-z_]+`)*) \|([^|]*)\|", re.MULTILINE)
UNITS = {"KiB": 2**10, "MiB": 2**20, "MB": 10**6}
DESCRIBED = {  # the default depends on the machine or on another setting
    "autoload.reload",
    "autoload.setup_file",
    "gateway.node_id",
    "tasks.pool.size",
}


def listed() -> Iterator[tuple[str, str]]:
    """Yield each setting of the pages, with its default as text. In a row with several settings,
    only the first one is written with its section."""
    for page in PAGES:
        for names, defaults in ROW.findall(page.read_text(encoding="utf-8")):
            first, *others = re.findall(r"`([a-z0-9_.]+)`", names)
            section = first.rpartition(".")[0]
            texts = [text.strip() for text in defaults.split(", ")]
            for number, name in enumerate([first, *(f"{section}.{other}" for other in others)]):
                yield name, texts[min(number, len(texts) - 1)] if others else defaults.strip()


def fields_of(settings: Any, section: str) -> Iterator[tuple[str, Any]]:
    """Yield each setting of a class of settings and of the groups in it, with its default."""
    for field in attrs.fields(settings):
        default: Any = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class of attrs
            default = default.factory()
        name = f"{section}.{field.name}"
        if attrs.has(type(default)):
            yield from fields_of(type(default), name)
        else:
            yield name, default


def is_shown(default: Any, text: str) -> bool:
    """Whether *text*, a cell of a table, shows *default*."""
    plain = re.sub(r'[`"\[\],]', "", text)
    if default in (None, "", (), {}):
        return plain in ("", "none", "empty", "no roles")
    if isinstance(default, bool) or not isinstance(default, int | float):
        shown = " ".join(default) if isinstance(default, tuple) else str(default)
        return plain.lower() == shown.lower()
    number, _, unit = plain.partition(" ")
    return float(number) * UNITS.get(unit, 1) == default


BUNDLES = [bundle for bundle in map(load, sorted(installed())) if bundle.settings_class]


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: str(bundle.name))
def test_pages_list_each_setting_of_a_bundle_with_its_default(bundle: Any) -> None:
    found = dict(listed())
    shown = {name: text for name, text in found.items() if name.split(".")[0] == bundle.name}
    settings = dict(fields_of(bundle.settings_class, bundle.name))

    groups = {name.rpartition(".")[0] for name in settings}
    assert set(shown) - groups == set(settings)
    assert {
        name: (shown[name], default)
        for name, default in settings.items()
        if name not in DESCRIBED and not is_shown(default, shown[name])
    } == {}
