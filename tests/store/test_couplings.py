"""Couplings: what goes in comes out, one to one, in sets of any size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from tests.store.samples import COMPANY, JOB, LATER, NOW, bc, couple, dv, outcome, pairs
from tieline.errors import AlreadyCoupled

FULL = {
    "bc_version": 'W/"JzQ0O1"',
    "dataverse_version": "",
    "bc_modified": NOW,
    "dataverse_modified": None,
    "to_result": "success",
    "from_result": None,
    "to_run": "run-1",
    "from_run": None,
    "skipped": False,
    "pending_to": True,
    "pending_from": False,
    "bc_common": {"name": "Ünï \U0001f600", "blank": "", "none": None, "amount": 1.5},
    "dataverse_common": {},
    "statistics_uploaded": True,
    "unfinished": {"step": "activate"},
}


def test_every_value_comes_back_as_it_was(store):
    """Blank text, null, empty objects and times differ from one another."""
    couple(store, 1, **FULL)
    found = store.find(COMPANY, JOB, bc(1))
    expected = FULL | {
        "company": COMPANY,
        "mapping": JOB,
        "bc_id": bc(1),
        "dataverse_id": dv(1),
        "bc_key": "C1",
        "created_at": NOW,
    }
    assert expected == vars(found)


def test_frames_have_fixed_dtypes_full_or_empty(store):
    """Flags bool, times datetime64[ms, UTC], all else object with None."""
    couple(store, 1, **FULL)
    some = store.couplings(COMPANY, JOB, side="dataverse", ids=[dv(1)])
    none = store.couplings(COMPANY, JOB, side="dataverse", ids=[])
    assert some.dtypes.to_dict() == none.dtypes.to_dict()
    kinds = some.dtypes.astype(str)
    flags = ["skipped", "pending_to", "pending_from", "statistics_uploaded"]
    times = ["bc_modified", "dataverse_modified", "created_at"]
    assert flags == kinds.index[kinds == "bool"].tolist()
    assert times == kinds.index[kinds == "datetime64[ms, UTC]"].tolist()
    assert {"object"} == set(kinds.drop(flags + times))
    row = some.loc[dv(1)]
    assert (bc(1), "", None, NOW) == (
        row["bc_id"],
        row["dataverse_version"],
        row["from_result"],
        row["bc_modified"],
    )
    assert row["dataverse_modified"] is pd.NaT


def test_a_frame_that_was_read_can_be_saved(store):
    """Reading and saving changes nothing, the creation time included."""
    couple(store, 1, 2, **FULL)
    before = store.find(COMPANY, JOB, bc(2))
    frame = store.couplings(COMPANY, JOB, side="bc", ids=[bc(1), bc(2)])
    store.save(outcome(couplings=frame, at=LATER))
    assert before == store.find(COMPANY, JOB, bc(2))


def test_pandas_and_numpy_stand_ins_for_null_become_null(store):
    """NaN, NaT and NA are no values; numpy's numbers are."""
    frame = pairs(1)
    frame["bc_key"] = float("nan")
    frame["bc_version"] = pd.Series([pd.NA], dtype=object)
    frame["bc_modified"] = pd.Series([pd.NaT], dtype="datetime64[ns, UTC]")
    frame["skipped"] = pd.Series([np.True_], dtype=object)
    frame["bc_common"] = [{"count": np.int64(3)}]
    store.save(outcome(couplings=frame))
    found = store.find(COMPANY, JOB, bc(1))
    assert (None, None, None, True, {"count": 3}) == (
        found.bc_key,
        found.bc_version,
        found.bc_modified,
        found.skipped,
        found.bc_common,
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "object"])
def test_times_keep_their_instant_whatever_the_frame_holds(store, unit):
    """Another zone is the same instant; parts of a millisecond are cut off."""
    zone = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=zone)
    series = pd.Series([moment, None], dtype=object)
    if unit != "object":
        series = pd.to_datetime(series, utc=True).dt.as_unit(unit)
    frame = pairs(1, 2)
    frame["bc_modified"] = series
    store.save(outcome(couplings=frame))
    cut = moment.replace(microsecond=0 if unit == "s" else 999_000).astimezone(UTC)
    assert cut == store.find(COMPANY, JOB, bc(1)).bc_modified
    assert store.find(COMPANY, JOB, bc(2)).bc_modified is None


@pytest.mark.parametrize("dtype", ["object", "datetime64[ms]"])
def test_times_without_a_zone_are_refused(store, dtype):
    """A guess at the zone would be an error of hours."""
    frame = pairs(1)
    naive = NOW.replace(tzinfo=None)
    frame["bc_modified"] = pd.Series([naive], dtype=dtype)
    with pytest.raises(ValueError, match="no time zone"):
        store.save(outcome(couplings=frame))
    assert 0 == store.count_couplings(COMPANY, JOB)


def test_columns_that_are_absent_keep_what_is_stored(store):
    """A pass writes its own columns and no others."""
    couple(store, 1, **FULL)
    store.save(outcome(couplings=pairs(1, skipped=True), at=LATER))
    found = vars(store.find(COMPANY, JOB, bc(1)))
    assert FULL | {"skipped": True} == {name: found[name] for name in FULL}
    assert NOW == found["created_at"]


def test_an_unknown_column_is_an_error(store):
    """A misspelt column must not vanish."""
    with pytest.raises(ValueError, match="bc_comon"):
        couple(store, 1, bc_comon={})


def test_sets_may_be_larger_than_any_limit_on_variables(store):
    """40,000 ids are one question."""
    couple(store, *range(40_000))
    ids = [bc(n) for n in range(40_000)]
    assert set(ids) == set(store.couplings(COMPANY, JOB, side="bc", ids=ids).index)


def test_companies_and_mappings_do_not_see_each_other(store):
    """The same ids may be coupled in another mapping or company."""
    couple(store, 1)
    store.save(outcome(couplings=pairs(1), mapping="CONTACT"))
    store.save(outcome(couplings=pairs(1, 2), company="other"))
    assert 1 == store.count_couplings(COMPANY, JOB)
    assert 1 == len(store.couplings(COMPANY, JOB, side="bc", ids=[bc(1), bc(2)]))
    assert {} == store.by_key(COMPANY, "CONTACT", ["C2"])


@pytest.mark.parametrize(
    ("skipped", "expected"),
    [(None, [[1, 2], [3, 4], [5]]), (True, [[2, 4]]), (False, [[1, 3], [5]])],
)
def test_all_couplings_come_page_by_page(store, skipped, expected):
    """In the order of the ids, each once, also when the last page is full."""
    couple(store, 5, 3, 1)
    couple(store, 4, 2, skipped=True)
    frames = store.each_coupling(COMPANY, JOB, skipped=skipped, rows=2)
    assert [[bc(n) for n in page] for page in expected] == [
        frame["bc_id"].tolist() for frame in frames
    ]
    pages = store.each_coupling_page(COMPANY, JOB, skipped=skipped, rows=2)
    assert [[bc(n) for n in page] for page in expected] == [
        [row["bc_id"] for row in page] for page in pages
    ]


def test_lookups_by_key_and_by_the_other_id(store):
    """Only what is coupled is in the answer."""
    couple(store, 1, 2)
    assert {"C2": (bc(2), dv(2))} == store.by_key(COMPANY, JOB, ["C2", "C9"])
    found = store.by_dataverse_id(COMPANY, JOB, [dv(1), dv(9)])
    assert {dv(1): (bc(1), "C1")} == found


@pytest.mark.parametrize("name", [bc(1), dv(1).upper(), "C1", "c1"])
def test_a_coupling_is_found_by_any_of_its_names(store, name):
    """Ids of both sides and the number, in any case."""
    couple(store, 1, 2)
    assert bc(1) == store.find(COMPANY, JOB, name).bc_id
    assert store.find(COMPANY, JOB, "C") is None


@pytest.mark.parametrize(
    ("bc_number", "dv_number"), [(1, 2), (2, 1)], ids=["bc taken", "dataverse taken"]
)
def test_one_to_one_holds_against_what_is_stored(store, bc_number, dv_number):
    """Neither side is coupled twice; the message names both ids."""
    couple(store, 1)
    frame = pairs(7, 8)
    frame.loc[1, ["bc_id", "dataverse_id"]] = [bc(bc_number), dv(dv_number)]
    with pytest.raises(AlreadyCoupled) as caught:
        store.save(outcome(couplings=frame))
    assert bc(bc_number) in caught.value.message
    assert dv(dv_number) in caught.value.message
    assert "is coupled to" in caught.value.message
    assert 1 == store.count_couplings(COMPANY, JOB)


@pytest.mark.parametrize("column", ["bc_id", "dataverse_id"])
def test_one_to_one_holds_inside_a_batch(store, column):
    """Two rows of a batch cannot take the same record."""
    frame = pairs(1, 2)
    frame.loc[1, column] = frame.loc[0, column]
    with pytest.raises(AlreadyCoupled):
        store.save(outcome(couplings=frame))
    assert 0 == store.count_couplings(COMPANY, JOB)


def test_a_pair_is_repointed_by_removing_it_first(store):
    """Removal and new pair are one step; a swap works."""
    couple(store, 1, 2)
    frame = pairs(1, 2)
    frame["dataverse_id"] = [dv(2), dv(1)]
    store.save(outcome(removed=[bc(1), bc(2)], couplings=frame))
    found = store.by_dataverse_id(COMPANY, JOB, [dv(1), dv(2)])
    assert {dv(1): (bc(2), "C2"), dv(2): (bc(1), "C1")} == found


def test_removing_touches_only_what_was_named(store):
    """The rest stays coupled."""
    couple(store, 1, 2, 3)
    store.save(outcome(removed=[bc(1), bc(9)]))
    assert {"C2", "C3"} == set(store.by_key(COMPANY, JOB, ["C1", "C2", "C3"]))
