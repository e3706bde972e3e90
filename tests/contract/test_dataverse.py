"""What only Dataverse does: lookups, bulk messages, tracking, choices."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emulator.dataverse import (
    NAVIGATION_NAMES,
    DataverseState,
    create_dataverse,
)
from emulator.server import serve
from tests.contract.conftest import Case
from tieline.dataverse import Dataverse
from tieline.errors import DriftError, Rejected, SettingsError
from tieline.odata.model import Change, Condition, Ref
from tieline.settings import DataverseSettings


def contact(account: str | None, **values: object) -> Change:
    parent = Ref("account", account) if account else None
    return Change(
        str(uuid.uuid4()), {"lastname": "A", "parentcustomerid": parent, **values}
    )


async def test_who_we_are_is_known(dataverse: Case) -> None:
    """Organisation and user come from WhoAmI; a wrong address is a setting."""
    side = dataverse.side
    assert len(side.organization_id) == 36
    assert dataverse.state.people.integration == side.user_id
    settings = DataverseSettings(url=f"{side._url}/nowhere")
    with pytest.raises(SettingsError, match="nowhere"):
        await Dataverse.connect(settings)


async def test_lookups_are_read_and_written_by_their_column(dataverse: Case) -> None:
    """Customer, owner and plain lookups: written by target, read as ids, cleared."""
    side = dataverse.side
    (account,) = await dataverse.seeded(1)
    user = dataverse.state.add_user("Ada Lovelace", "ada@example.com")
    row = contact(account.id, ownerid=Ref("systemuser", user))
    (written,) = await side.insert("contact", [row])
    assert None is written.error
    assert account.id == written.row["parentcustomerid"]
    where = (Condition("parentcustomerid", "eq", account.id),)
    columns = ["ownerid", "parentcustomerid"]
    frame = await side.by_id("contact", [row.id], columns=columns, where=where)
    assert [user, account.id] == frame[columns].iloc[0].tolist()
    primary = Change(account.id, {"primarycontactid": Ref("contact", row.id)})
    (bound,) = await side.update("account", [primary])
    assert row.id == bound.row["primarycontactid"]
    (cleared,) = await side.update(
        "contact", [Change(row.id, {"parentcustomerid": None})]
    )
    assert None is cleared.error
    frame = await side.by_id("contact", [row.id], columns=["parentcustomerid"])
    assert frame["parentcustomerid"].tolist() == [None]


async def test_users_have_their_own_key(dataverse: Case) -> None:
    """Users are read by systemuserid although their declared key is ownerid."""
    user = dataverse.state.add_user("Ada Lovelace", "ada@example.com")
    frame = await dataverse.side.by_values(
        "systemuser", "internalemailaddress", ["ada@example.com"], columns=["fullname"]
    )
    assert [user] == frame["id"].tolist()
    assert frame["fullname"].tolist() == ["Ada Lovelace"]


async def test_bulk_messages_carry_a_load(dataverse: Case) -> None:
    """A thousand rows are one request; none has a version to trust."""
    await dataverse.seeded(2)
    dataverse.counters.reset()
    rows = [replace(row, values={"name": row.id}) for row in dataverse.fresh(1000)]
    written = await dataverse.side.insert("account", rows)
    assert dataverse.counters.received == 1
    assert {None} == {one.version for one in written}


async def test_tables_without_bulk_go_by_batch(dataverse: Case) -> None:
    """Where the service offers no message every row still lands, with its version."""
    dataverse.state.bulk["account"].clear()
    rows = dataverse.fresh(450)
    written = await dataverse.side.insert("account", rows)
    assert [one.error for one in written] == [None] * 450
    assert all(one.version and one.modified for one in written)
    assert not [key for key in dataverse.counters.requests if "Multiple" in key]


async def test_one_bad_row_is_found_by_halving(dataverse: Case) -> None:
    """A single bad row costs a few halvings, not a request per row."""
    await dataverse.seeded(2)
    rows = dataverse.fresh(1000)
    rows[123] = replace(rows[123], values={"name": "x" * 200})
    dataverse.counters.reset()
    written = await dataverse.side.insert("account", rows)
    assert [n for n, one in enumerate(written) if one.error] == [123]
    assert dataverse.counters.received <= 12


async def test_many_bad_rows_do_not_cost_many_requests(dataverse: Case) -> None:
    """When bad rows are everywhere the rest goes by batch."""
    await dataverse.seeded(2)
    rows = dataverse.fresh(1000)
    bad = list(range(0, 1000, 20))
    for n in bad:
        rows[n] = replace(rows[n], values={"name": "x" * 200})
    dataverse.counters.reset()
    written = await dataverse.side.insert("account", rows)
    assert bad == [n for n, one in enumerate(written) if one.error]
    assert dataverse.counters.received <= 12


async def test_deletions_are_tracked(dataverse: Case) -> None:
    """Begin, read, read on; an expired token and an untracked table say so."""
    side = dataverse.side
    rows = await dataverse.seeded(3)
    begun = await side.tracked_deletions("account", None)
    assert (begun.state, begun.ids) == ("begun", ())
    await side.delete("account", [Change(rows[1].id, {})])
    dataverse.edit(rows[0].id, "Changed")
    told = await side.tracked_deletions("account", begun.token)
    assert ("tracked", (rows[1].id,)) == (told.state, told.ids)
    again = await side.tracked_deletions("account", told.token)
    assert (again.state, again.ids) == ("tracked", ())
    dataverse.state.expire_tokens()
    expired = await side.tracked_deletions("account", again.token)
    assert (expired.state, expired.token) == ("expired", None)
    dataverse.state.tracked.discard("account")
    off = await side.tracked_deletions("account", None)
    assert (off.state, off.token) == ("not_enabled", None)


async def test_options_are_read_and_added(dataverse: Case) -> None:
    """Labels by value in one request; a new option is there after publishing."""
    side = dataverse.side
    dataverse.counters.reset()
    columns = ["customertypecode", "paymenttermscode"]
    labels = await side.option_labels("account", columns)
    assert dataverse.counters.received == 1
    assert labels["customertypecode"][1] == "Competitor"
    value = await side.insert_option("account", "paymenttermscode", "60 <DAYS>")
    labels = await side.option_labels("account", ["paymenttermscode"])
    assert labels["paymenttermscode"][value] == "60 <DAYS>"
    kinds = (await side.table("account")).columns
    assert (
        kinds["paymenttermscode"].kind,
        kinds["statecode"].kind,
    ) == ("option", "option")


async def test_custom_navigation_names_come_from_metadata() -> None:
    """The bind of a custom lookup carries the schema's case, whatever it is."""
    names = {name: name.upper() for name in NAVIGATION_NAMES}
    state = DataverseState(navigation_names=names)
    with serve(create_dataverse(state)) as server:
        async with await Dataverse.connect(DataverseSettings(url=server.url)) as side:
            columns = (await side.table("account")).columns
            targets = columns["bcbi_companyid"].targets
            assert targets == {"bcbi_company": "BCBI_COMPANYID"}
            company = Change(str(uuid.uuid4()), {"bcbi_externalid": str(uuid.uuid4())})
            await side.insert("bcbi_company", [company])
            bound = {"name": "A", "bcbi_companyid": Ref("bcbi_company", company.id)}
            row = Change(str(uuid.uuid4()), bound)
            (written,) = await side.insert("account", [row])
            assert company.id == written.row["bcbi_companyid"]


async def test_a_lookup_without_a_column_is_drift(dataverse: Case) -> None:
    """A column that the table lacks is named before anything is written."""
    row = replace(dataverse.fresh(1)[0], values={"nosuchid": Ref("account", "1")})
    with pytest.raises(DriftError, match="nosuchid"):
        await dataverse.side.insert("account", [row])


async def test_the_second_of_the_watermark_is_read_again(dataverse: Case) -> None:
    """Times are whole seconds: a row of the same second is not lost."""
    (row,) = await dataverse.seeded(1)
    frame = await dataverse.side.by_id("account", [row.id], columns=[])
    seen: datetime = frame["modified"].iloc[0].to_pydatetime()
    late = seen.replace(microsecond=900_000).astimezone(UTC)
    reading = dataverse.side.changed("account", columns=[], since=late)
    assert [[row.id]] == [page.frame["id"].tolist() async for page in reading]


async def test_a_bound_action_reaches_its_row(dataverse: Case) -> None:
    """An unknown action is refused by the service, with its own text."""
    (row,) = await dataverse.seeded(1)
    with pytest.raises(Rejected):
        await dataverse.side.bound_action("account", row.id, "NoSuchAction")
