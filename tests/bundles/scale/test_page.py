"""The tables of docs/bundles/scale.md and presence.md equal the classes."""

import re

import attrs

from bundles.scale import PresenceSettings, ScaleSettings
from bundles.scale.bus.counted import REASONS
from tests.required_tools import ROOT

PAGES = ROOT / "docs" / "bundles"
PAGE = (PAGES / "scale.md").read_text(encoding="utf-8")


def test_page_lists_every_setting_once() -> None:
    listed = re.findall(r"^\| `scale\.(\w+)` \|", PAGE, re.MULTILINE)

    assert listed == [field.name for field in attrs.fields(ScaleSettings)]


def test_page_lists_every_count() -> None:
    assert re.findall(r"^\| `bus\.(\w+)` \|", PAGE, re.MULTILINE) == list(REASONS)


def test_page_of_presence_lists_every_setting_with_its_default() -> None:
    page = (PAGES / "presence.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `scale\.presence\.(\w+)` \| (\d+) \|", page, re.MULTILINE)

    fields = attrs.fields(PresenceSettings)
    assert listed == [(field.name, str(field.default)) for field in fields]
