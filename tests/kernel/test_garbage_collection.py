"""The garbage collector is paused while many long-lived objects are created."""

import gc
from collections.abc import Iterator

import pytest

from rxkernel import paused_collection


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    yield
    gc.unfreeze()
    if frozen:
        gc.freeze()


def test_paused_collection_disables_the_collector_for_the_block() -> None:
    with paused_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_paused_collection_that_raises_enables_the_collector_again() -> None:
    with pytest.raises(ZeroDivisionError), paused_collection():
        _ = 1 / 0
    assert gc.isenabled()


def test_paused_collection_of_a_disabled_collector_leaves_it_disabled() -> None:
    gc.disable()
    try:
        with paused_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_paused_collection_moves_new_objects_out_of_the_youngest_generation(
    nothing_frozen: None,
) -> None:
    """Otherwise the next collection of that generation would visit all of them."""
    with paused_collection():
        made: list[object] = [[] for _ in range(10)]

    young = set(map(id, gc.get_objects(generation=0)))
    assert young.isdisjoint(map(id, made))
    assert gc.get_freeze_count() == 0


def test_paused_collection_leaves_frozen_objects_frozen(nothing_frozen: None) -> None:
    """``rxkernel serve`` freezes the objects of boot; a reload compiles after that."""
    gc.freeze()
    frozen = gc.get_freeze_count()

    with paused_collection():
        pass

    assert gc.get_freeze_count() == pytest.approx(frozen, abs=frozen / 2)
