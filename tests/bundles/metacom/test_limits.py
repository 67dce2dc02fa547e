"""The rate of packets, with a clock that the test controls."""

import pytest

from bundles.metacom.limits import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def closed_after(rate: Rate, clock: Clock, per_second: float, seconds: float) -> float | None:
    """Send packets for *seconds*. Return after how many seconds the client must be closed, or
    None."""
    for index in range(int(per_second * seconds)):
        clock.now += 1.0 / per_second
        if not rate.allows() and rate.is_abused:
            return index / per_second
    return None


@pytest.mark.parametrize("limit", [5, 100, 1000])
@pytest.mark.parametrize("factor", [2, 10, 100])
def test_rate_of_steady_flood_is_abused(limit: int, factor: int) -> None:
    """Some packets of the flood are allowed."""
    clock = Clock()
    after = closed_after(Rate(limit, clock), clock, limit * factor, 4)

    assert after is not None
    assert after <= 3


def test_rate_of_client_below_the_limit_is_not_abused() -> None:
    clock = Clock()
    rate = Rate(100, clock)

    assert closed_after(rate, clock, 99, 60) is None
    assert rate.allows()


def test_rate_of_client_that_pauses_after_each_burst_is_not_abused() -> None:
    clock = Clock()
    rate = Rate(100, clock)
    for _ in range(20):
        assert closed_after(rate, clock, 100_000, 0.0015) is None
        clock.now += 2


def test_delay_keeps_packets_at_the_rate() -> None:
    clock = Clock()
    rate = Rate(100, clock)
    assert [rate.delay() for _ in range(100)] == [0.0] * 100
    start = clock.now
    for _ in range(200):
        clock.now += rate.delay()

    assert clock.now - start == pytest.approx(2.0)
    assert not rate.is_abused
