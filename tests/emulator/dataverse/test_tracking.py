"""Change tracking tells changes and deletions since a token."""

from __future__ import annotations

import pytest

TRACK = "odata.track-changes"


async def whole(api, url, size=2):
    rows = []
    while True:
        prefer = f"{TRACK},odata.maxpagesize={size}"
        page = await api.get(url, prefer=prefer)
        rows += page["value"]
        if "@odata.deltaLink" in page:
            return rows, page["@odata.deltaLink"]
        assert "istracking=%22True%22" in page["@odata.nextLink"]
        url = page["@odata.nextLink"]


async def test_changes_and_deletions(api, state):
    """A delta link brings rows changed since, in their order, then deletions."""
    ids = [await api.create("accounts", {"name": str(n)}) for n in range(5)]
    rows, link = await whole(api, "accounts?$select=name")
    assert ids == [row["accountid"] for row in rows]
    assert "$deltatoken=" in link
    page = await api.send("GET", link)
    context = "http://org.test/api/data/v9.2/$metadata#accounts(name)/$delta"
    assert context == page.json()["@odata.context"]
    assert "Preference-Applied" not in page.headers
    await api.send("PATCH", f"accounts({ids[1]})", {"name": "x"})
    await api.send("DELETE", f"accounts({ids[0]})")
    gone = await api.create("accounts", {"name": "y"})
    await api.send("DELETE", f"accounts({gone})")
    rows, link = await whole(api, link)
    assert [ids[1]] == [row["accountid"] for row in rows if "accountid" in row]
    deleted = [row for row in rows if row.get("reason") == "deleted"]
    assert {ids[0], gone} == {row["id"] for row in deleted}
    assert deleted[0]["@odata.context"].endswith("#accounts/$deletedEntity")
    count = await api.send("GET", link.replace("accounts?", "accounts/$count?"))
    assert "0" == count.text
    assert [] == (await whole(api, link))[0]


async def test_edits_between_pages_come_with_the_next_delta(api, state):
    """A row that changes while pages are read is told next time."""
    ids = [await api.create("accounts", {"name": str(n)}) for n in range(4)]
    page = await api.get("accounts", prefer=f"{TRACK},odata.maxpagesize=2")
    await api.send("PATCH", f"accounts({ids[0]})", {"name": "x"})
    rows, link = await whole(api, page["@odata.nextLink"])
    assert ids[2:] == [row["accountid"] for row in rows]
    assert [ids[0]] == [row["accountid"] for row in (await whole(api, link))[0]]


@pytest.mark.parametrize(
    "option", ["$filter=statecode eq 0", "$orderby=name", "$top=1", "$expand=ownerid"]
)
async def test_refused_options(api, option):
    """Filters, orders, expansions and tops do not go with tracking."""
    response = await api.send("GET", f"accounts?{option}", prefer=TRACK)
    name = option.partition("=")[0]
    assert 400 == response.status_code
    assert (
        f'The "{name}" query parameter isn\'t supported when Change Tracking is '
        "enabled."
    ) == response.json()["error"]["message"]


async def test_tokens_expire(api, state):
    """A token ends after the organization's days, or when told to."""
    _, link = await whole(api, "accounts")
    state.clock.advance(8 * 24 * 3600)
    assert (400, "0x80044352") == await api.refusal("GET", link)
    _, link = await whole(api, "accounts")
    state.expire_tokens()
    assert (400, "0x80044352") == await api.refusal("GET", link)
    _, link = await whole(api, "accounts")
    assert [] == (await whole(api, link))[0]


async def test_tracking_is_switched_by_table(api, state):
    """A table without change tracking refuses it."""
    state.tracked.discard("account")
    refusal = await api.refusal("GET", "accounts", Prefer=TRACK)
    assert (400, "0x80060888") == refusal


async def test_undone_writes_leave_no_trace(api, state):
    """A bulk that was rolled back changes nothing for tracking."""
    await api.create("accounts", {"name": "F"})
    _, link = await whole(api, "accounts")
    bad = [{"name": "A"}, {"nmae": "B"}]
    body = {
        "Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", **b} for b in bad]
    }
    path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    assert 400 == (await api.send("POST", path, body)).status_code
    assert [] == (await whole(api, link))[0]
