"""The organization describes its tables, keys, relationships and options."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
PICKLISTS = (
    "EntityDefinitions(LogicalName='account')/Attributes/"
    "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    "?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet"
)


async def document(api, options=""):
    response = await api.send("GET", f"$metadata{options}")
    assert "application/xml" == response.headers["content-type"]
    return ElementTree.fromstring(response.content)


def entity_type(root, name):
    return next(one for one in root.iter(f"{EDM}EntityType") if one.get("Name") == name)


async def test_types_keys_and_lengths(api):
    """Keys, lengths and types stand in $metadata; users inherit their key."""
    root = await document(api)
    account, user = entity_type(root, "account"), entity_type(root, "systemuser")
    assert "accountid" == account.find(f"{EDM}Key/{EDM}PropertyRef").get("Name")
    assert "mscrm.principal" == user.get("BaseType")
    assert user.find(f"{EDM}Key") is None
    properties = {one.get("Name"): one for one in account.iter(f"{EDM}Property")}
    assert "160" == properties["name"].get("MaxLength")
    assert "Edm.Guid" == properties["_primarycontactid_value"].get("Type")
    assert "owneridtype" not in properties


async def test_navigation_properties(api):
    """Each carries its column; customers are split, owners are not."""
    root = await document(api)
    found = {}
    for table in ("account", "contact"):
        for one in entity_type(root, table).iter(f"{EDM}NavigationProperty"):
            constraint = one.find(f"{EDM}ReferentialConstraint")
            column = None if constraint is None else constraint.get("Property")
            found[one.get("Name")] = (one.get("Type"), column)
    assert ("mscrm.bcbi_company", "_bcbi_companyid_value") == found["bcbi_CompanyId"]
    assert ("mscrm.principal", "_ownerid_value") == found["ownerid"]
    assert "_parentcustomerid_value" == found["parentcustomerid_contact"][1]
    assert "Collection(mscrm.contact)" == found["contact_customer_accounts"][0]


async def test_bulk_and_tracking_in_the_metadata(api, state):
    """Bulk actions and, when asked for, annotations of tracking follow the switches."""
    state.bulk["account"] = {"CreateMultiple"}
    state.tracked.discard("contact")
    root = await document(api, "?annotations=true")
    actions = {
        one.get("Name")
        for one in root.iter(f"{EDM}Action")
        if one.find(f"{EDM}Parameter").get("Type") == "Collection(mscrm.account)"
    }
    tracked = {
        one.get("Name")
        for one in root.iter(f"{EDM}EntitySet")
        if one.find(f"{EDM}Annotation") is not None
    }
    assert {"CreateMultiple"} == actions
    assert "accounts" in tracked
    assert "contacts" not in tracked
    plain = await document(api)
    assert [] == list(plain.iter(f"{EDM}Annotation"))


async def test_service_document_and_who_am_i(api, state):
    """The root lists the sets, WhoAmI the caller."""
    sets = {one["name"] for one in (await api.get(""))["value"]}
    assert {"accounts", "nav_accountstatisticses"} <= sets
    assert state.people.integration == (await api.get("WhoAmI"))["UserId"]


async def test_entity_definitions(api, state):
    """Tables are found by name, with a filter, and with their parts."""
    page = await api.get(
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute"
        "&$filter=LogicalName eq 'account'"
    )
    (found,) = page["value"]
    assert ("accounts", "accountid") == (
        found["EntitySetName"],
        found["PrimaryIdAttribute"],
    )
    one = await api.get(f"EntityDefinitions({found['MetadataId']})?$select=LogicalName")
    assert "account" == one["LogicalName"]
    refusal = await api.refusal("GET", "EntityDefinitions(LogicalName='none')")
    assert (404, "0x80060888") == refusal
    state.add_key("account", "new_Number", "accountnumber")
    keys = await api.get("EntityDefinitions(LogicalName='account')/Keys")
    assert [["accountnumber"]] == [key["KeyAttributes"] for key in keys["value"]]


async def test_attributes_by_cast(api):
    """A cast narrows attributes down and shows what belongs to the type."""
    base = "EntityDefinitions(LogicalName='account')/Attributes"
    cast = "Microsoft.Dynamics.CRM.StringAttributeMetadata"
    page = await api.get(f"{base}/{cast}?$select=LogicalName,MaxLength")
    lengths = {one["LogicalName"]: one["MaxLength"] for one in page["value"]}
    assert 160 == lengths["name"]
    assert "creditlimit" not in lengths
    one = await api.get(f"{base}(LogicalName='accountid')?$select=IsValidForUpdate")
    assert one["IsValidForUpdate"] is False
    day = await api.get(
        "EntityDefinitions(LogicalName='invoice')/Attributes(LogicalName='duedate')/"
        "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata?$select=Format"
    )
    assert "DateOnly" == day["Format"]


async def test_relationships(api):
    """Relationships name the navigation property of each lookup."""
    page = await api.get(
        "EntityDefinitions(LogicalName='account')/ManyToOneRelationships"
        "?$select=ReferencingEntityNavigationPropertyName"
        "&$filter=ReferencingAttribute eq 'bcbi_companyid'"
    )
    assert ["bcbi_CompanyId"] == [
        one["ReferencingEntityNavigationPropertyName"] for one in page["value"]
    ]


async def labels(api, column="paymenttermscode"):
    page = await api.get(PICKLISTS)
    options = next(
        one["OptionSet"]["Options"]
        for one in page["value"]
        if one["LogicalName"] == column
    )
    return {
        one["Value"]: one["Label"]["UserLocalizedLabel"]["Label"] for one in options
    }


async def test_options_appear_when_published(api):
    """A new option can be read and written only after publishing."""
    before = await labels(api)
    body = {
        "EntityLogicalName": "account",
        "AttributeLogicalName": "paymenttermscode",
        "Label": {"LocalizedLabels": [{"Label": "21 days", "LanguageCode": 1033}]},
    }
    value = (await api.send("POST", "InsertOptionValue", body)).json()["NewOptionValue"]
    row = {"paymenttermscode": value}
    assert 727_000_000 == value
    assert before == await labels(api)
    assert (400, "0x8004431A") == await api.refusal("POST", "accounts", row)
    entities = "<entities><entity>account</entity></entities>"
    xml = f"<importexportxml>{entities}</importexportxml>"
    published = await api.send("POST", "PublishXml", {"ParameterXml": xml})
    assert 204 == published.status_code
    assert {**before, value: "21 days"} == await labels(api)
    await api.create("accounts", row)


@pytest.mark.parametrize("column", ["statecode", "statuscode", "name"])
async def test_only_choices_take_new_options(api, column):
    """Status reasons belong to a state, which InsertOptionValue does not tell."""
    body = {
        "EntityLogicalName": "account",
        "AttributeLogicalName": column,
        "Label": {"LocalizedLabels": [{"Label": "x", "LanguageCode": 1033}]},
    }
    refusal = await api.refusal("POST", "InsertOptionValue", body)
    assert (400, "0x80040203") == refusal


async def test_options_are_relabelled_and_deleted(api):
    """UpdateOptionValue and DeleteOptionValue change published options."""
    body = {
        "EntityLogicalName": "account",
        "AttributeLogicalName": "paymenttermscode",
        "Value": 1,
        "Label": {"LocalizedLabels": [{"Label": "30 days", "LanguageCode": 1033}]},
    }
    await api.send("POST", "UpdateOptionValue", body)
    await api.send("POST", "DeleteOptionValue", {**body, "Value": 2})
    await api.send("POST", "PublishAllXml")
    found = await labels(api)
    assert ("30 days", False) == (found[1], 2 in found)
    refusal = await api.refusal("POST", "DeleteOptionValue", {**body, "Value": 2})
    assert (400, "0x80040203") == refusal
