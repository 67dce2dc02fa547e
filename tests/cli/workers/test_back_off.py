"""The delay before a worker that ends repeatedly starts again."""

from rxkernel.cli.workers.back_off import MAX_FAILURES, STEADY, BackOff


def test_back_off_grows_with_each_end_up_to_a_limit() -> None:
    back_off = BackOff()

    delays = [back_off.record(0.0) for _ in range(20)]

    assert delays[:8] == [0, 0.5, 1, 2, 4, 8, 16, 30]
    assert set(delays[8:]) == {30}


def test_back_off_after_a_long_run_begins_again() -> None:
    back_off = BackOff()
    for _ in range(MAX_FAILURES):
        assert not back_off.is_loop
        back_off.record(STEADY / 2)
    assert back_off.is_loop

    assert back_off.record(STEADY) == 0
    assert not back_off.is_loop
