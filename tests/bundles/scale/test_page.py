"""The table of counts in docs/bundles/scale.md equals the reasons."""

import re

from bundles.scale.bus.counted import REASONS
from tests.required_tools import ROOT


def test_page_of_scale_lists_every_count() -> None:
    page = (ROOT / "docs" / "bundles" / "scale.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `bus\.(\w+)` \|", page, re.MULTILINE) == list(REASONS)
