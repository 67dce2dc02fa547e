"""Addresses that are blocked for some time."""

from bundles.web.firewall import blocks
from bundles.web.firewall.blocks import Blocks


class Time:
    now = 100.0


def test_block_ends_after_its_seconds() -> None:
    """Impress of 2015 ignores the time of client.block."""
    time = Time()
    found = Blocks(lambda: time.now)

    found.add("a", 5)
    time.now += 4.9
    assert "a" in found
    time.now += 0.1
    assert "a" not in found
    assert len(found) == 0


def test_block_of_a_blocked_key_counts_from_now_on() -> None:
    time = Time()
    found = Blocks(lambda: time.now)

    found.add("a", 50)
    found.add("a", 5)
    time.now += 6

    assert "a" not in found


def test_block_can_be_removed() -> None:
    found = Blocks(lambda: 0.0)
    found.add("a", 5)

    assert found.remove("a") is True
    assert found.remove("a") is False
    assert "a" not in found


def test_block_beyond_the_limit_removes_the_oldest() -> None:
    time, most = Time(), blocks._MOST
    found = Blocks(lambda: time.now)
    found.add("short", 1)
    for number in range(most - 1):
        found.add(str(number), 1000)

    time.now += 2
    found.add("next", 10)
    assert "0" in found  # the one that was over was removed
    found.add("last", 10)

    assert len(found) == most
    assert "0" not in found
    assert "last" in found
