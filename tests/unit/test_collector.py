"""The garbage collector leaves alone what existed, and only while a run works."""

from __future__ import annotations

import gc
import weakref

from tieline.collector import YOUNG, spared_collector


def test_the_collector_is_as_it_was_after_the_last_of_overlapping_runs():
    """Blocks that overlap without nesting leave the thresholds as they found them."""
    before = gc.get_threshold()
    first, second = spared_collector(), spared_collector()
    first.__enter__()
    assert 0 < gc.get_freeze_count()
    second.__enter__()
    first.__exit__(None, None, None)
    assert YOUNG == gc.get_threshold()[0]
    second.__exit__(None, None, None)
    assert before == gc.get_threshold()
    assert 0 == gc.get_freeze_count()


class Ring:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.me = self


def test_what_a_run_leaves_is_collected():
    """Objects made inside a block are not kept for good."""
    with spared_collector():
        made = weakref.ref(Ring())
        gc.collect()
    assert made() is None
