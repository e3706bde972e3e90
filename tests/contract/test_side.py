"""What the stages rely on, the same for both services."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.contract.conftest import Case
from tieline.errors import (
    DriftError,
    Duplicate,
    NotFound,
    Rejected,
    Unavailable,
    VersionConflict,
)
from tieline.odata.model import Change, Condition, Filter, Page
from tieline.odata.schema import MemoryCache

HOSTILE = ['O\'Brien & "Söhne" <b>+%20#?', "=1+1", "𝔘𝔫𝔦 שלום", "a" * 90]


async def pages(case: Case, where: Filter = (), **more: object) -> list[Page]:
    reading = case.side.changed(case.table, columns=case.columns, where=where, **more)
    return [page async for page in reading]


async def test_a_table_tells_its_columns(case: Case) -> None:
    """Kind and length come from the service's metadata."""
    table = await case.side.table(case.table)
    assert table.columns[case.name].kind == "text"
    assert len(case.too_long) - 1 == table.columns[case.name].max_length
    assert table.columns[case.money].kind == "decimal"
    with pytest.raises(DriftError, match="no_such_table"):
        await case.side.table("no_such_table")
    with pytest.raises(DriftError, match="no_such_column"):
        await case.side.by_id(case.table, ["1"], columns=["no_such_column"])


async def test_rows_are_read_page_by_page(case: Case) -> None:
    """Every row once, in pages as asked, the last marked; frames have their shape."""
    rows = await case.seeded(25)
    read = await pages(case, page_rows=10)
    assert [len(page.frame) for page in read if len(page.frame)] == [10, 10, 5]
    assert [False] * (len(read) - 1) + [True] == [page.last for page in read]
    assert len({page.served_at for page in read}) == 1
    assert timedelta(seconds=5) > abs(datetime.now(UTC) - read[0].served_at)
    whole = pd.concat([page.frame for page in read])
    assert {row.id for row in rows} == set(whole["id"])
    assert ["id", "version", "modified", *case.columns] == list(whole.columns)
    assert str(whole["modified"].dtype) == "datetime64[ms, UTC]"
    assert {"object"} == {str(whole[c].dtype) for c in ("id", "version", *case.columns)}


async def test_only_changed_rows_are_read(case: Case) -> None:
    """A watermark leaves out what did not change since, and nothing else."""
    rows = await case.seeded(3)
    case.state.clock.advance(60)
    now = case.state.clock.now() - timedelta(seconds=30)
    assert sum(len(page.frame) for page in await pages(case, since=now)) == 0
    case.edit(rows[1].id, "Changed")
    (page,) = await pages(case, since=now)
    assert [rows[1].id] == page.frame["id"].tolist()
    again = page.frame["modified"].max().to_pydatetime()
    known = {
        row.id for p in await pages(case, since=again) for row in p.frame.itertuples()
    }
    assert known <= {rows[1].id}


async def test_filters_let_through_what_they_say(case: Case) -> None:
    """Equality, lists, blanks, own-or-blank and order, by the service itself."""
    a, b, c = await case.seeded(3)
    await case.side.update(
        case.table, [Change(a.id, {case.phone: "1"}), Change(b.id, {case.phone: "2"})]
    )
    for condition, expected in [
        (Condition(case.name, "eq", "Name 1"), {b.id}),
        (Condition(case.name, "in", ["Name 0", "Name 2"]), {a.id, c.id}),
        (Condition(case.phone, "blank"), {c.id}),
        (Condition(case.phone, "not_blank"), {a.id, b.id}),
        (Condition(case.phone, "eq", "1", or_blank=True), {a.id, c.id}),
        (Condition(case.money, "gt", 1), {b.id, c.id}),
        (Condition(case.name, "in", []), set()),
        (Condition(case.name, "eq", case.too_long), set()),
    ]:
        read = await pages(case, (condition,))
        found = {id for page in read for id in page.frame["id"]}
        assert expected == found, condition
        assert read[-1].last


async def test_thousands_of_ids_cost_one_request(case: Case) -> None:
    """Chosen rows are read in one request, whatever their number; indexed by id."""
    rows = await case.seeded(1000)
    case.counters.reset()
    wanted = [row.id for row in rows[::-1]] + [str(uuid.uuid4())]
    frame = await case.side.by_id(case.table, wanted, columns=[case.name])
    assert case.counters.received == 1
    assert {row.id for row in rows} == set(frame.index)
    assert frame.loc[rows[7].id, case.name] == "Name 7"
    assert ["id", "version", "modified", case.name] == list(frame.columns)


async def test_nothing_asked_costs_nothing(case: Case) -> None:
    """No ids, no values and no rows mean no request."""
    await case.side.table(case.table)
    case.counters.reset()
    assert len(await case.side.by_id(case.table, [], columns=[case.name])) == 0
    empty = await case.side.by_values(case.table, case.name, [None], columns=[])
    assert len(empty) == 0
    assert await case.side.insert(case.table, []) == []
    assert await case.side.update(case.table, []) == []
    assert await case.side.delete(case.table, []) == []
    assert case.counters.received == 0


async def test_hostile_values_survive_both_ways(case: Case) -> None:
    """Quotes, markup, signs of the URL and of other scripts: written, found, read."""
    rows = [Change(str(uuid.uuid4()), {case.name: text}) for text in HOSTILE]
    assert all(w.error is None for w in await case.side.insert(case.table, rows))
    frame = await case.side.by_values(
        case.table, case.name, [*HOSTILE, "absent"], columns=[case.name]
    )
    assert {r.id: r.values[case.name] for r in rows} == frame[case.name].to_dict()


async def test_inserts_keep_the_chosen_ids(case: Case) -> None:
    """Rows are created under our ids and answered in order."""
    rows = case.fresh(7)
    written = await case.side.insert(case.table, rows)
    assert [row.id for row in rows] == [one.id for one in written]
    assert {row.id: row.values[case.name] for row in rows} == (
        await case.names([row.id for row in rows])
    )


async def test_a_bad_row_fails_alone(case: Case) -> None:
    """One per cent bad rows: the good ones land, each bad one has its own error."""
    rows = case.fresh(300)
    for n in (3, 140, 299):
        rows[n] = replace(rows[n], values={**rows[n].values, case.name: case.too_long})
    written = await case.side.insert(case.table, rows)
    assert [n for n, one in enumerate(written) if one.error] == [3, 140, 299]
    assert all(isinstance(written[n].error, Rejected) for n in (3, 140, 299))
    assert len(await case.names([row.id for row in rows])) == 297


async def test_a_single_bad_update_fails_alone(case: Case) -> None:
    """One bad change among many: the others are written."""
    rows = await case.seeded(300)
    changes = [Change(row.id, {case.name: f"New {n}"}) for n, row in enumerate(rows)]
    changes[200] = Change(rows[200].id, {case.name: case.too_long})
    written = await case.side.update(case.table, changes)
    assert [n for n, one in enumerate(written) if one.error] == [200]
    names = await case.names([row.id for row in rows])
    assert [names[r.id] for r in rows[199:202]] == ["New 199", "Name 200", "New 201"]


async def test_updates_with_a_version_notice_other_hands(case: Case) -> None:
    """A stale version is a conflict of that row; the right one and none go through."""
    rows = await case.seeded(3)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    case.edit(rows[0].id, "Somebody else's")
    changes = [
        Change(rows[0].id, {case.name: "A"}, frame.loc[rows[0].id, "version"]),
        Change(rows[1].id, {case.name: "B"}, frame.loc[rows[1].id, "version"]),
        Change(rows[2].id, {case.name: "C"}),
    ]
    first, second, third = await case.side.update(case.table, changes)
    assert isinstance(first.error, VersionConflict)
    assert (second.error, third.error) == (None, None)
    names = await case.names([row.id for row in rows])
    assert [names[row.id] for row in rows] == ["Somebody else's", "B", "C"]
    after = await case.side.by_id(case.table, [rows[1].id], columns=[])
    assert second.version == after["version"].iloc[0]
    assert second.modified == after["modified"].iloc[0].to_pydatetime()


async def test_what_is_missing_or_there_twice_says_so(case: Case) -> None:
    """An update of a missing row creates nothing; our own id twice is one row."""
    (missing,) = await case.side.update(
        case.table, [Change(str(uuid.uuid4()), {case.name: "A"})]
    )
    assert isinstance(missing.error, NotFound)
    (row,) = await case.seeded(1)
    (again,) = await case.side.insert(case.table, [row])
    assert None is again.error
    assert again.version is not None
    (gone,) = await case.side.delete(case.table, [Change(str(uuid.uuid4()), {})])
    assert isinstance(gone.error, NotFound)


async def test_deletes_have_their_own_results(case: Case) -> None:
    """A row deleted is gone; one that changed meanwhile stays."""
    rows = await case.seeded(3)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    case.edit(rows[0].id, "Changed")
    written = await case.side.delete(
        case.table,
        [
            Change(rows[0].id, {}, frame.loc[rows[0].id, "version"]),
            Change(rows[1].id, {}, frame.loc[rows[1].id, "version"]),
            Change(rows[2].id, {}),
        ],
    )
    assert isinstance(written[0].error, VersionConflict)
    assert [one.error for one in written[1:]] == [None, None]
    assert {rows[0].id: "Changed"} == await case.names([row.id for row in rows])


@pytest.mark.parametrize(
    "kind", ["reset-before", "reset-after", "unavailable", "throttle"]
)
async def test_inserts_survive_trouble_exactly_once(case: Case, kind: str) -> None:
    """Whatever happens to a request, every row is there once and reported done."""
    await case.side.table(case.table)
    rows = case.fresh(250)
    fault = case.fail(kind)
    written = await case.side.insert(case.table, rows)
    assert fault.fired == 1
    assert [one.error for one in written] == [None] * 250
    read = await pages(case)
    assert sorted(r.id for r in rows) == sorted(read[0].frame["id"])


@pytest.mark.parametrize(
    "kind", ["reset-before", "reset-after", "unavailable", "throttle"]
)
@pytest.mark.parametrize("has_version", [True, False])
async def test_updates_survive_trouble(
    case: Case, kind: str, has_version: bool
) -> None:
    """After trouble our own write is recognised, and is no conflict with itself."""
    rows = await case.seeded(120)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    versions = frame["version"].to_dict() if has_version else {}
    changes = [
        Change(row.id, {case.name: f"New {n}"}, versions.get(row.id))
        for n, row in enumerate(rows)
    ]
    fault = case.fail(kind)
    written = await case.side.update(case.table, changes)
    assert fault.fired == 1
    assert [one.error for one in written] == [None] * 120
    names = await case.names([row.id for row in rows])
    assert [f"New {n}" for n in range(120)] == [names[row.id] for row in rows]


@pytest.mark.parametrize("kind", ["reset-after", "unavailable"])
async def test_deletes_survive_trouble(case: Case, kind: str) -> None:
    """A row that is gone after a lost answer was deleted by us."""
    rows = await case.seeded(5)
    case.fail(kind)
    written = await case.side.delete(case.table, [Change(row.id, {}) for row in rows])
    assert [one.error for one in written] == [None] * 5
    assert await case.names([row.id for row in rows]) == {}


@pytest.mark.parametrize("kind", ["throttle", "unavailable"])
async def test_trouble_of_a_part_is_repeated_for_that_part(
    case: Case, kind: str
) -> None:
    """A throttled operation inside a batch is sent again, the others are not."""
    rows = await case.seeded(10)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    case.fail(kind, "", method="PATCH", operation=True, count=3, nth=2)
    changes = [
        Change(row.id, {case.name: f"New {n}"}, frame.loc[row.id, "version"])
        for n, row in enumerate(rows)
    ]
    written = await case.side.update(case.table, changes)
    assert [one.error for one in written] == [None] * 10
    assert {f"New {n}" for n in range(10)} == set(
        (await case.names([row.id for row in rows])).values()
    )


async def test_reads_survive_trouble(case: Case) -> None:
    """Pages and chosen rows are complete in spite of every passing trouble."""
    rows = await case.seeded(40)
    for kind in ("reset-before", "reset-after", "unavailable", "throttle"):
        case.fail(kind, "", method="GET|POST", count=1)
    read = await pages(case, page_rows=10)
    assert sum(len(page.frame) for page in read) == 40
    case.fail("throttle", "", method="GET", operation=True)
    case.fail("reset-after", "batch")
    assert len(await case.names([row.id for row in rows])) == 40


async def test_a_dead_service_leaves_rows_unwritten_and_says_so(case: Case) -> None:
    """Rows whose outcome cannot be known carry Unavailable: none is lost silently."""
    await case.seeded(2)
    case.fail("unavailable", "", method="", count=None)
    written = await case.side.insert(case.table, case.fresh(3))
    assert all(isinstance(one.error, Unavailable) for one in written)
    with pytest.raises(Unavailable):
        await pages(case)


async def test_a_lost_answer_after_the_commit_is_no_second_row(case: Case) -> None:
    """A time-out after the commit: the rows are found, not created again."""
    rows = case.fresh(2)
    async with await case.connect(timeout_s=0.2) as side:
        await side.table(case.table)
        case.fail("timeout-after", seconds=1.0)
        written = await side.insert(case.table, rows)
    assert [one.error for one in written] == [None, None]
    assert len(await case.names([row.id for row in rows])) == 2


async def test_metadata_is_asked_once(case: Case) -> None:
    """A second run with the same cache only looks whether the company is the same."""
    cache = MemoryCache()
    async with await case.connect(cache) as side:
        await side.table(case.table)
    case.counters.reset()
    async with await case.connect(cache) as side:
        await side.table(case.table)
        looks = case.counters.requests["GET companies"]
        assert looks == case.counters.received <= 1
        read = [p async for p in side.changed(case.table, columns=[case.name])]
    assert (len(read), case.counters.received) == (1, looks + 1)


async def test_an_address_leads_to_the_record(case: Case) -> None:
    """The link for people holds the record's id; no API address stands for a page.

    Where the web client of a Business Central on premises is, its API does not tell.
    """
    id = str(uuid.uuid4())
    page = case.side.address(case.table, id)
    assert page == "" if case.side.name == "bc" else id in page


async def test_a_natural_duplicate_is_an_error_of_its_row(case: Case) -> None:
    """A number that exists is refused under a new id (where numbers are keys)."""
    (row,) = await case.seeded(1)
    twin = Change(str(uuid.uuid4()), dict(row.values))
    (written,) = await case.side.insert(case.table, [twin])
    if case.side.name == "bc":
        assert isinstance(written.error, Duplicate)
    else:
        assert None is written.error
