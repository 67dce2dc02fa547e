"""The rate limit, measured by the delays that `take` returns."""

from itertools import pairwise

import pytest

from rxkernel.servers.socketio.token_bucket import TokenBucket


def test_take_burst_of_one_second_then_one_by_one() -> None:
    bucket = TokenBucket(10.0)

    waits = [bucket.take(100.0) for _ in range(13)]

    assert all(wait <= 0 for wait in waits[:10])
    assert waits[10:] == pytest.approx([0.1, 0.2, 0.3])


def test_take_after_pause_refills_up_to_burst() -> None:
    bucket = TokenBucket(10.0)
    for _ in range(10):
        bucket.take(0.0)

    half = [bucket.take(0.5) for _ in range(6)]
    after = [bucket.take(1000.0) for _ in range(11)]

    assert [wait <= 1e-9 for wait in half] == [True] * 5 + [False]
    assert [wait <= 1e-9 for wait in after] == [True] * 10 + [False]


def test_take_rate_below_one_first_is_immediate() -> None:
    bucket = TokenBucket(0.1)

    assert bucket.take(0.0) <= 0
    assert bucket.take(0.0) == pytest.approx(10.0)


@pytest.mark.parametrize("rate", [0.5, 3.0, 7.0, 1000.0])
def test_take_any_time_span_has_at_most_rate_and_burst(rate: float) -> None:
    """For a caller that waits as long as `take` returns."""
    bucket, now, used = TokenBucket(rate), 5.0, []
    for step in range(300):
        now += max(0.0, bucket.take(now))
        used.append(now)
        now += (step % 7 == 0) * step / 100 / rate

    burst = max(1.0, rate)
    for first in range(0, 300, 13):
        for last in range(first, 300):
            assert last - first + 1 <= burst + rate * (used[last] - used[first]) + 1e-6
    assert all(earlier <= later for earlier, later in pairwise(used))
