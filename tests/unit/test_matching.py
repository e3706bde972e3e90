"""Match-based coupling: criteria, priorities, one to one."""

from __future__ import annotations

from tieline.matching import Criterion, match_records

NAME = Criterion("name")


def test_exactly_one_uncoupled_match_couples():
    """One match couples; none or several leave the record unmatched."""
    matches = match_records(
        [("b1", {"name": "Ada"}), ("b2", {"name": "Bob"}), ("b3", {"name": "Cid"})],
        [
            ("d1", {"name": "ADA"}),
            ("d2", {"name": "Bob"}),
            ("d3", {"name": "Bob"}),
        ],
        [NAME],
    )
    assert (("b1", "d1"),) == matches.pairs
    assert ("b2", "b3") == matches.unmatched


def test_case_counts_when_asked():
    """Case-Sensitive Matching refuses another case."""
    matches = match_records(
        [("b1", {"name": "Ada"})],
        [("d1", {"name": "ADA"})],
        [Criterion("name", case_sensitive=True)],
    )
    assert ("b1",) == matches.unmatched


def test_a_later_group_starts_anew():
    """Criteria of an earlier priority do not narrow a later group."""
    matches = match_records(
        [("b1", {"name": "Ada", "mail": "a@x"})],
        [("d1", {"name": "Other", "mail": "a@x"})],
        [NAME, Criterion("mail", priority=1)],
    )
    assert (("b1", "d1"),) == matches.pairs


def test_fields_of_one_group_have_to_be_equal_together():
    """Within a group all fields count."""
    rows = [
        ("d1", {"name": "Ada", "mail": "z@x"}),
        ("d2", {"name": "Ada", "mail": "a@x"}),
    ]
    matches = match_records(
        [("b1", {"name": "Ada", "mail": "a@x"})], rows, [NAME, Criterion("mail")]
    )
    assert (("b1", "d2"),) == matches.pairs


def test_blank_values_drop_out_of_the_condition():
    """A blank text of Business Central is no condition; all blank match nothing."""
    rows = [("d1", {"name": "Ada", "mail": "a@x"})]
    criteria = [NAME, Criterion("mail")]
    matches = match_records(
        [("b1", {"name": "Ada", "mail": ""}), ("b2", {"name": "", "mail": None})],
        rows,
        criteria,
    )
    assert (("b1", "d1"),) == matches.pairs
    assert ("b2",) == matches.unmatched


def test_a_coupled_or_taken_row_sends_to_the_next_group():
    """One to one, inside the batch too: a taken row is tried by the next group."""
    matches = match_records(
        [("b1", {"name": "Ada", "mail": "1"}), ("b2", {"name": "Ada", "mail": "2"})],
        [("d1", {"name": "Ada", "mail": "1"}), ("d2", {"name": "Bob", "mail": "2"})],
        [NAME, Criterion("mail", priority=1)],
    )
    assert (("b1", "d1"), ("b2", "d2")) == matches.pairs
    coupled = match_records(
        [("b1", {"name": "Ada", "mail": ""})],
        [("d1", {"name": "Ada", "mail": "1"})],
        [NAME],
        coupled=["d1"],
    )
    assert ("b1",) == coupled.unmatched
