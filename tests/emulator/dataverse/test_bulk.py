"""Bulk messages write all of their rows or none."""

from __future__ import annotations

from uuid import uuid4

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
CREATE = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
UPDATE = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple"
UPSERT = "accounts/Microsoft.Dynamics.CRM.UpsertMultiple"


def targets(*rows):
    return {"Targets": [{**TYPE, **row} for row in rows]}


async def test_create_keeps_order_and_chosen_ids(api, state):
    """The answer lists the ids in the order of the targets."""
    chosen = str(uuid4())
    body = targets({"name": "A"}, {"accountid": chosen, "name": "B"})
    response = await api.send("POST", CREATE, body)
    ids = response.json()["Ids"]
    assert (200, chosen) == (response.status_code, ids[1])
    assert "A" == state.row("account", ids[0])["name"]


async def test_all_or_nothing(api, state):
    """One bad target undoes all of them, its error is the answer."""
    body = targets({"name": "A"}, {"name": "x" * 161})
    assert (400, "0x80044331") == await api.refusal("POST", CREATE, body)
    assert [] == state.rows("account")


async def test_update_and_upsert(api, state):
    """Updates go by id; upserts by id, by @odata.id or by key columns."""
    state.add_key("account", "number", "accountnumber")
    first = await api.create("accounts", {"accountnumber": "1"})
    response = await api.send(
        "POST", UPDATE, targets({"accountid": first, "name": "A"})
    )
    assert (204, "A") == (response.status_code, state.row("account", first)["name"])
    second = str(uuid4())
    body = targets(
        {"@odata.id": "accounts(accountnumber='1')", "name": "B"},
        {"accountid": second, "name": "C"},
        {"accountnumber": "3", "name": "D"},
    )
    assert 204 == (await api.send("POST", UPSERT, body)).status_code
    assert "B" == state.row("account", first)["name"]
    assert "C" == state.row("account", second)["name"]
    assert 3 == len(state.rows("account"))


async def test_what_bulk_refuses(api, state):
    """No type, a row twice, an unknown row, an empty list, DeleteMultiple."""
    state.add_key("account", "number", "accountnumber")
    row_id = await api.create("accounts", {})
    refused = [
        (CREATE, {"Targets": [{"name": "A"}]}, (400, "0x80048d19")),
        (CREATE, {"Targets": []}, (400, "0x80060888")),
        (CREATE, targets({"accountid": row_id}), (412, "0x80040237")),
        (UPDATE, targets({"name": "A"}), (400, "0x80040203")),
        (UPDATE, targets({"accountid": str(uuid4())}), (404, "0x80040217")),
        (
            UPDATE,
            targets({"@odata.id": "accounts(accountnumber='none')"}),
            (404, "0x80060891"),
        ),
        (UPDATE, targets(*[{"accountid": row_id}] * 2), (400, "0x80040203")),
        (UPSERT, targets(*[{"accountid": row_id}] * 2), (400, "0x80040203")),
        (
            "accounts/Microsoft.Dynamics.CRM.DeleteMultiple",
            targets({"accountid": row_id}),
            (400, "0x80060888"),
        ),
        ("accounts/CreateMultiple", targets({}), (404, "0x80060888")),
    ]
    for path, body, expected in refused:
        assert expected == await api.refusal("POST", path, body)


async def test_availability_goes_by_table(api, state):
    """sdkmessagefilters, the metadata and the message itself agree."""
    query = (
        "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @m "
        "and primaryobjecttypecode eq @t&$expand=sdkmessageid($select=name)"
        "&@m='CreateMultiple'&@t='account'"
    )
    found = (await api.get(query))["value"]
    assert ["CreateMultiple"] == [one["sdkmessageid"]["name"] for one in found]
    state.bulk["account"].discard("CreateMultiple")
    assert [] == (await api.get(query))["value"]
    assert (404, "0x8006088A") == await api.refusal("POST", CREATE, targets({}))


async def test_bulk_deletion_leaves_a_job(api, state):
    """The rows go, those in use stay, and the job is found among system jobs."""
    ids = [await api.create("accounts", {}) for _ in range(2)]
    bind = {"customerid_account@odata.bind": f"/accounts({ids[0]})"}
    await api.create("invoices", bind)
    condition = {"AttributeName": "accountid", "Operator": "In", "Values": ids}
    body = {
        "JobName": "clean",
        "QuerySet": [
            {"EntityName": "account", "Criteria": {"Conditions": [condition]}}
        ],
    }
    response = await api.send("POST", "BulkDelete", body)
    jobs = await api.get(
        f"asyncoperations?$filter=asyncoperationid eq {response.json()['JobId']}"
    )
    assert [ids[0]] == [row["accountid"] for row in state.rows("account")]
    assert [("clean", 3, 30)] == [
        (job["name"], job["statecode"], job["statuscode"]) for job in jobs["value"]
    ]
