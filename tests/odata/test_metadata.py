"""Metadata: both services' documents, what is cached, what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tieline.business_central.sets import set_schemas as bc_sets
from tieline.dataverse.tables import set_schemas as dataverse_tables
from tieline.dataverse.tables import with_attributes
from tieline.odata.metadata import read_document
from tieline.odata.schema import MemoryCache, Schema, SetSchema

BC = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:DataServices><Schema Namespace="Microsoft.NAV"
   xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="invoice"><Key><PropertyRef Name="id"/></Key>
   <Property Name="id" Type="Edm.Guid"/>
   <Property Name="number" Type="Edm.String" MaxLength="20"/>
   <Property Name="status" Type="Microsoft.NAV.state"/>
   <NavigationProperty Name="lines" Type="Collection(Microsoft.NAV.line)"/></EntityType>
  <EntityType Name="line"><Key><PropertyRef Name="id"/></Key>
   <Property Name="id" Type="Edm.Guid"/>
   <Property Name="lineType" Type="Edm.String"/>
   <Property Name="amount" Type="Edm.Decimal" Scale="Variable"/></EntityType>
  <EnumType Name="state"><Member Name="_x0020_" Value="0"/></EnumType>
  <EntityContainer Name="NAV">
   <EntitySet Name="salesInvoices" EntityType="Microsoft.NAV.invoice"/>
   <EntitySet Name="salesInvoiceLines" EntityType="Microsoft.NAV.line"/>
  </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

DATAVERSE = b"""<edmx:Edmx Version="4.0"
   xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:DataServices><Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm"
   xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="crmbaseentity" Abstract="true"/>
  <EntityType Name="principal" BaseType="mscrm.crmbaseentity">
   <Key><PropertyRef Name="ownerid"/></Key>
   <Property Name="ownerid" Type="Edm.Guid"/></EntityType>
  <EntityType Name="systemuser" BaseType="mscrm.principal">
   <Property Name="systemuserid" Type="Edm.Guid"/></EntityType>
  <EntityType Name="team" BaseType="mscrm.principal">
   <Property Name="teamid" Type="Edm.Guid"/></EntityType>
  <EntityType Name="account" BaseType="mscrm.crmbaseentity">
   <Key><PropertyRef Name="accountid"/></Key>
   <Property Name="accountid" Type="Edm.Guid"/>
   <Property Name="name" Type="Edm.String"/>
   <Property Name="statecode" Type="Edm.Int32"/>
   <Property Name="_ownerid_value" Type="Edm.Guid"/>
   <Property Name="_bcbi_companyid_value" Type="Edm.Guid"/>
   <NavigationProperty Name="ownerid" Type="mscrm.principal">
    <ReferentialConstraint Property="_ownerid_value" ReferencedProperty="ownerid"/>
   </NavigationProperty>
   <NavigationProperty Name="bcbi_CompanyId" Type="mscrm.bcbi_company">
    <ReferentialConstraint Property="_bcbi_companyid_value"
      ReferencedProperty="bcbi_companyid"/></NavigationProperty></EntityType>
  <EntityType Name="bcbi_company" BaseType="mscrm.crmbaseentity">
   <Key><PropertyRef Name="bcbi_companyid"/></Key>
   <Property Name="bcbi_companyid" Type="Edm.Guid"/></EntityType>
  <EntityContainer Name="System">
   <EntitySet Name="accounts" EntityType="Microsoft.Dynamics.CRM.account"/>
   <EntitySet Name="systemusers" EntityType="Microsoft.Dynamics.CRM.systemuser"/>
   <EntitySet Name="teams" EntityType="Microsoft.Dynamics.CRM.team"/>
   <EntitySet Name="bcbi_companies" EntityType="Microsoft.Dynamics.CRM.bcbi_company"/>
  </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


def test_business_central_sets() -> None:
    """Types, lengths, enum types wherever declared, enums declared as text."""
    sets = bc_sets(read_document(BC))
    invoices, lines = sets["salesInvoices"], sets["salesInvoiceLines"]
    assert invoices.navigations == {"lines": "salesInvoiceLines"}
    assert invoices.table.columns["number"].max_length == 20
    kinds = [one.kind for one in invoices.table.columns.values()]
    assert kinds == ["guid", "text", "enum"]
    assert [o.kind for o in lines.table.columns.values()] == ["guid", "enum", "decimal"]


def test_dataverse_tables() -> None:
    """Users keep their own key, lookups know targets and the case of their binds."""
    tables = dataverse_tables(read_document(DATAVERSE))
    account, user = tables["account"].table, tables["systemuser"].table
    assert (account.set_name, account.key) == ("accounts", "accountid")
    assert (user.set_name, user.key) == ("systemusers", "systemuserid")
    owner, company = account.columns["ownerid"], account.columns["bcbi_companyid"]
    assert owner.targets == {"systemuser": "ownerid", "team": "ownerid"}
    assert company.targets == {"bcbi_company": "bcbi_CompanyId"}
    assert (owner.kind, company.kind) == ("lookup", "lookup")


def test_lookups_without_a_constraint_are_known_by_name() -> None:
    """CSDL need not declare it: the navigation is called as the column, or for one
    of several targets as column and table."""
    text = re.sub(rb"<ReferentialConstraint[^>]*/>", b"", DATAVERSE)
    text = text.replace(b'Name="bcbi_CompanyId"', b'Name="bcbi_companyid_bcbi_company"')
    account = dataverse_tables(read_document(text))["account"].table
    owner, company = account.columns["ownerid"], account.columns["bcbi_companyid"]
    assert {"systemuser": "ownerid", "team": "ownerid"} == owner.targets
    assert {"bcbi_company": "bcbi_companyid_bcbi_company"} == company.targets


def test_attribute_definitions_complete_a_table() -> None:
    """Choices and lengths that CSDL does not tell are added."""
    found = dataverse_tables(read_document(DATAVERSE))["account"]
    columns = with_attributes(found, frozenset({"statecode"}), {"name": 160})
    assert columns.table.columns["statecode"].kind == "option"
    assert columns.table.columns["name"].max_length == 160


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        b"<x>",
        "<x/>".encode("utf-16"),
    ],
)
def test_dangerous_or_broken_metadata_is_refused(content: bytes) -> None:
    """No document type, no entities, no guessing at encodings."""
    with pytest.raises(ValueError, match="the metadata"):
        read_document(content)


class Loader:
    """Counts how often the metadata is read."""

    def __init__(self, sets: Mapping[str, SetSchema]) -> None:
        self.sets = sets
        self.loads = 0

    async def __call__(self) -> Mapping[str, SetSchema]:
        self.loads += 1
        return self.sets


async def test_a_cached_set_costs_no_request_until_it_is_stale() -> None:
    """A second run asks the cache; a reload asks the service, once."""
    cache, loader = MemoryCache(), Loader(bc_sets(read_document(BC)))
    first = Schema(cache, key="k", load=loader)
    expected = await first.find("salesInvoices")
    second = Schema(cache, key="k", load=loader)
    assert expected == await second.find("salesInvoices")
    assert loader.loads == 1
    loader.sets = {}
    assert await second.reload()
    assert None is await second.find("salesInvoices")
    assert not await second.reload()
    assert loader.loads == 2
    assert None is await Schema(cache, key="k", load=loader).find("salesInvoices")
