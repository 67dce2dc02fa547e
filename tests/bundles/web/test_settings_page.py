"""The table of settings in docs/bundles/web.md equals the attrs classes."""

import re

import attrs

from bundles.web import ChannelSettings, ProxySettings, WebSettings
from tests.required_tools import ROOT

_ROW = re.compile(r"^\| `([a-z_.]+)` \|", re.MULTILINE)


def test_table_of_settings_has_every_field() -> None:
    page = (ROOT / "docs" / "bundles" / "web.md").read_text(encoding="utf-8")
    table = page.partition("## Settings\n")[2].partition("\n## ")[0]
    sections = {"channels": ChannelSettings, "proxy": ProxySettings}
    own = [field.name for field in attrs.fields(WebSettings) if field.name not in sections]
    below = [
        f"{name}.{field.name}" for name, kind in sections.items() for field in attrs.fields(kind)
    ]

    assert sorted(_ROW.findall(table)) == sorted([*own, *below])
