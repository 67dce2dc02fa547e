"""The table of settings in docs/bundles/web.md equals the attrs classes."""

import re

import attrs

from bundles.web import ChannelSettings, FirewallSettings, ProxySettings, WebSettings
from tests.required_tools import ROOT

_ROW = re.compile(r"^\| `([a-z_.]+)` \|", re.MULTILINE)


def test_table_of_settings_has_every_field() -> None:
    page = (ROOT / "docs" / "bundles" / "web.md").read_text(encoding="utf-8")
    table = page.partition("## Settings\n")[2].partition("\n## ")[0]
    tables = {
        "channels": ChannelSettings,
        "firewall": FirewallSettings,
        "proxy": ProxySettings,
    }
    own = [field.name for field in attrs.fields(WebSettings) if field.name not in tables]
    inner = [f"{name}.{field.name}" for name, cls in tables.items() for field in attrs.fields(cls)]

    assert sorted(_ROW.findall(table)) == sorted([*own, *inner])
