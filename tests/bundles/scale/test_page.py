"""The tables of docs/bundles/scale.md equal the classes."""

import re

import attrs

from bundles.scale import ScaleSettings
from bundles.scale.bus.counted import REASONS
from tests.required_tools import ROOT

PAGE = (ROOT / "docs" / "bundles" / "scale.md").read_text(encoding="utf-8")


def test_page_lists_every_setting_once() -> None:
    listed = re.findall(r"^\| `scale\.(\w+)` \|", PAGE, re.MULTILINE)

    assert listed == [field.name for field in attrs.fields(ScaleSettings)]


def test_page_lists_every_count() -> None:
    assert re.findall(r"^\| `bus\.(\w+)` \|", PAGE, re.MULTILINE) == list(REASONS)
