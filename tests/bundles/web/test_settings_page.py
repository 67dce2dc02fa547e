"""The tables of settings in docs/bundles/web*.md equal the attrs classes."""

import re

import attrs

from bundles.web import ChannelSettings, FirewallSettings, ProxySettings, WebSettings
from tests.required_tools import ROOT

_ROW = re.compile(r"^\| `web\.([a-z_.]+)` \|", re.MULTILINE)


def test_tables_of_settings_have_every_field() -> None:
    pages = sorted((ROOT / "docs" / "bundles").glob("web*.md"))
    listed = [row for page in pages for row in _ROW.findall(page.read_text(encoding="utf-8"))]
    tables = {
        "channels": ChannelSettings,
        "firewall": FirewallSettings,
        "proxy": ProxySettings,
    }
    own = [field.name for field in attrs.fields(WebSettings) if field.name not in tables]
    inner = [f"{name}.{field.name}" for name, cls in tables.items() for field in attrs.fields(cls)]

    assert sorted(listed) == sorted([*own, *inner])
