"""The tables of docs/bundles/gateway*.md equal the classes."""

import re

from bundles.gateway import MoleculerError, exceptions
from bundles.gateway.cluster.dropped_packets import DroppedPackets
from tests.required_tools import ROOT

PAGES = sorted((ROOT / "docs" / "bundles").glob("gateway*.md"))
PAGE = "\n\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_page_lists_every_count_of_dropped_packets() -> None:
    table = PAGE.split("| count | the packet |")[1].split("\n\n")[0]
    listed = [
        name
        for first in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", first)
    ]

    assert listed == list(DroppedPackets().counts)


def test_page_lists_every_error() -> None:
    table = PAGE.split("| class | code | type | retryable | |")[1].split("\n\n")[0]
    listed = {
        name
        for first in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", first)
    }

    assert listed == {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, MoleculerError)
    }
