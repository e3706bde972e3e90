"""What published clients ask of the metadata, and alternate keys by the Web API."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.mark.parametrize(
    "members",
    [
        "PrimaryImageAttribute,IsIntersect,IsActivity,TableType,HasNotes",
        "CanChangeTrackingBeEnabled,CanCreateForms,IsCustomizable,IsAuditEnabled",
        "DisplayCollectionName,Description,CollectionSchemaName,ReportViewName",
    ],
)
async def test_tables_have_what_clients_select(api, members):
    """Managed properties are objects, the rest plain values."""
    url = f"EntityDefinitions(LogicalName='account')?$select={members}"
    answer = await api.client.get(url)
    assert 200 == answer.status_code
    assert set(members.split(",")) <= set(answer.json())
    for name, value in answer.json().items():
        if name.startswith("Can") or name in ("IsCustomizable", "IsAuditEnabled"):
            assert {"Value", "CanBeChanged", "ManagedPropertyLogicalName"} == set(value)


async def test_columns_have_what_clients_select(api):
    """AttributeOf and its like can be selected and filtered by."""
    query = "$select=LogicalName,AttributeOf,IsValidODataAttribute,ColumnNumber"
    url = f"EntityDefinitions(LogicalName='account')/Attributes?{query}"
    rows = (await api.client.get(f"{url}&$filter=AttributeOf eq null")).json()["value"]
    assert "name" in {row["LogicalName"] for row in rows}
    assert len(rows) == len({row["ColumnNumber"] for row in rows})


async def test_the_document_declares_its_own_definitions(api):
    """$metadata has the types that EntityDefinitions answers with."""
    root = ET.fromstring((await api.client.get("$metadata")).content)
    types = {
        one.get("Name"): {item.get("Name") for item in one.iter(f"{EDM}Property")}
        for one in root.iter(f"{EDM}EntityType")
    }
    wanted = {"PrimaryImageAttribute", "CanChangeTrackingBeEnabled", "EntitySetName"}
    assert wanted <= types["EntityMetadata"]
    assert "AttributeOf" in types["AttributeMetadata"]
    assert "EntityDefinitions" in {
        one.get("Name") for one in root.iter(f"{EDM}EntitySet")
    }


KEYS = "EntityDefinitions(LogicalName='account')/Keys"


async def test_a_key_is_made_used_and_dropped(api, state):
    """A POST makes it, a PATCH finds its row by it, a DELETE forgets it."""
    body = {"SchemaName": "new_Number", "KeyAttributes": ["accountnumber"]}
    made = await api.client.post(KEYS, json=body)
    assert 204 == made.status_code
    (key,) = (await api.client.get(KEYS)).json()["value"]
    assert made.headers["OData-EntityId"].endswith(f"/Keys({key['MetadataId']})")
    assert ["accountnumber"] == key["KeyAttributes"]
    row = await api.client.patch("accounts(accountnumber='7')", json={"name": "A"})
    assert 204 == row.status_code
    assert ["7"] == [one["accountnumber"] for one in state.rows("account")]
    gone = await api.client.delete(f"{KEYS}({key['MetadataId']})")
    assert 204 == gone.status_code
    again = await api.client.patch("accounts(accountnumber='7')", json={"name": "B"})
    assert 400 == again.status_code


@pytest.mark.parametrize(
    "body",
    [
        {"SchemaName": "", "KeyAttributes": ["accountnumber"]},
        {"SchemaName": "a"},
        {"SchemaName": "a", "KeyAttributes": []},
        {"SchemaName": "a", "KeyAttributes": ["nothing"]},
        {"SchemaName": "a", "KeyAttributes": ["description"]},
    ],
)
async def test_a_key_that_cannot_be_is_refused(api, body):
    """Without a name, without columns, of unknown ones or of long texts."""
    assert 400 == (await api.client.post(KEYS, json=body)).status_code
    assert [] == (await api.client.get(KEYS)).json()["value"]


async def test_nothing_else_of_the_definitions_can_be_changed(api):
    """Tables and columns are as they are."""
    for url in ("EntityDefinitions", "EntityDefinitions(LogicalName='account')"):
        assert 405 == (await api.client.post(url, json={})).status_code
