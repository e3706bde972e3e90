"""Watermarks: forward only, unless lowered, and then lowered for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.store.samples import COMPANY, JOB, LATER, NOW

HERE = (COMPANY, JOB, "to-dataverse")


def test_the_first_run_reads_from_the_start(store):
    """No watermark is None at revision 0."""
    assert (None, 0) == store.watermark(*HERE)


@pytest.mark.parametrize(
    ("value", "expected", "moved"),
    [(LATER, LATER, True), (NOW, NOW, False), (NOW - timedelta(1), NOW, False)],
)
def test_a_watermark_only_moves_forward(store, value, expected, moved):
    """An earlier or equal value changes nothing."""
    assert store.advance_watermark(*HERE, NOW, revision=0)
    assert moved == store.advance_watermark(*HERE, value, revision=0)
    assert (expected, 0) == store.watermark(*HERE)


def test_parts_of_a_millisecond_are_cut_never_rounded_up(store):
    """A watermark beyond what was read would lose a change."""
    store.advance_watermark(*HERE, NOW + timedelta(microseconds=999), revision=0)
    assert NOW == store.watermark(*HERE)[0]
    moved = store.advance_watermark(
        *HERE, NOW + timedelta(microseconds=999), revision=0
    )
    assert moved is False


@pytest.mark.parametrize("value", [NOW, LATER + timedelta(1)])
def test_an_advance_under_way_does_not_undo_a_lowering(store, value):
    """Whether the lowering moved the watermark or not."""
    store.advance_watermark(*HERE, LATER, revision=0)
    _, revision = store.watermark(*HERE)
    store.lower_watermark(*HERE, value)
    much_later = LATER + timedelta(2)
    assert not store.advance_watermark(*HERE, much_later, revision=revision)
    lowered, revision = store.watermark(*HERE)
    assert min(value, LATER) == lowered
    assert store.advance_watermark(*HERE, much_later, revision=revision)
    assert (much_later, revision) == store.watermark(*HERE)


@pytest.mark.parametrize("change", ["lower", "clear"])
def test_lowering_what_was_never_set_counts_too(store, change):
    """The first run is under way when another job lowers its watermark."""
    if change == "lower":
        store.lower_watermark(*HERE, NOW)
    else:
        store.clear_watermarks(COMPANY, JOB)
    assert not store.advance_watermark(*HERE, LATER, revision=0)
    assert (None, 1) == store.watermark(*HERE)
    assert store.advance_watermark(*HERE, LATER, revision=1)


def test_clearing_makes_both_directions_start_anew(store):
    """Other jobs keep theirs."""
    for direction in ("to-dataverse", "from-dataverse"):
        store.advance_watermark(COMPANY, JOB, direction, NOW, revision=0)
        store.advance_watermark(COMPANY, "CONTACT", direction, NOW, revision=0)
    store.clear_watermarks(COMPANY, JOB)
    assert (None, 1) == store.watermark(COMPANY, JOB, "to-dataverse")
    assert (None, 1) == store.watermark(COMPANY, JOB, "from-dataverse")
    assert (NOW, 0) == store.watermark(COMPANY, "CONTACT", "from-dataverse")


def test_a_cursor_is_kept_by_name(store):
    """The last value counts; the empty one is a value."""
    assert store.cursor(COMPANY, JOB, "changes") is None
    store.set_cursor(COMPANY, JOB, "changes", "a")
    store.set_cursor(COMPANY, JOB, "changes", "")
    assert "" == store.cursor(COMPANY, JOB, "changes")
    assert store.cursor(COMPANY, "CONTACT", "changes") is None
