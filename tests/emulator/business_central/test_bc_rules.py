"""What one write in Business Central does to other rows, and what is worked out."""

from __future__ import annotations

from tests.emulator.business_central.conftest import Bench, error_of, first

V2 = "v2.0"
ANY = {"If-Match": "*"}


async def test_a_customer_brings_its_company_contact(bench: Bench) -> None:
    """Creating makes contact and relation; both follow each other's changes."""
    body = {"displayName": "Fabrikam", "city": "Ulm", "salespersonCode": "PS"}
    customer = (await bench.ask("POST", "customers", body)).json()
    number = customer["companyContactNumber"]
    contact = await first(bench, f"contacts?$filter=number eq '{number}'")
    assert ("Company", "Fabrikam", "Ulm", "PS", number, customer["number"]) == (
        contact["type"],
        contact["displayName"],
        contact["city"],
        contact["salespersonCode"],
        contact["companyNumber"],
        contact["companyCustomerNumber"],
    )
    path = f"customers({customer['id']})"
    await bench.ask("PATCH", path, {"displayName": "Fabrikam Ltd"}, headers=ANY)
    contact = await first(bench, f"contacts?$filter=number eq '{number}'")
    assert "Fabrikam Ltd" == contact["displayName"]
    bench.company.update("contacts", contact["id"], {"city": "Bonn"})
    assert "Bonn" == (await bench.ask("GET", path)).json()["city"]


async def test_persons_are_named_by_their_parts(bench: Bench) -> None:
    """The display name is first, middle and surname; the standard page splits it."""
    parent = (await first(bench))["companyContactNumber"]
    body = {
        "type": "Person",
        "firstName": "Ann",
        "middleName": "B.",
        "surname": "Cole",
        "companyNumber": parent,
    }
    person = (await bench.ask("POST", "contacts", body)).json()
    assert ("Ann B. Cole", "Adatum", "10000") == (
        person["displayName"],
        person["companyName"],
        person["companyCustomerNumber"],
    )
    standard = {"type": "Person", "displayName": "Dan E. Fox"}
    id = (await bench.ask("POST", "contacts", standard, route=V2)).json()["id"]
    row = await first(bench, f"contacts?$filter=id eq {id}")
    assert ("Dan", "E.", "Fox") == (row["firstName"], row["middleName"], row["surname"])
    wrong = {"type": "Person", "firstName": "X", "companyNumber": person["number"]}
    answer = await bench.ask("POST", "contacts", wrong)
    assert (400, "Internal_InvalidTableRelation") == error_of(answer)
    assert 400 == (await bench.ask("POST", "contacts", {}, route=V2)).status_code
    people = "contactsInformation?$filter=contactType eq 'Person'"
    listed = await bench.rows(people, route=V2)
    assert [person["id"]] == [one["contactId"] for one in listed]


async def test_a_contact_joins_the_company_that_it_names(bench: Bench) -> None:
    """On the standard page the company's name finds its number; blank leaves it."""
    parent = (await first(bench))["companyContactNumber"]
    body = {"type": "Person", "displayName": "Ann Cole", "companyName": "Adatum"}
    person = (await bench.ask("POST", "contacts", body, route=V2)).json()
    assert (parent, "Adatum") == (person["companyNumber"], person["companyName"])
    path = f"contacts({person['id']})"
    unknown = {"companyName": "Nobody"}
    answer = await bench.ask("PATCH", path, unknown, route=V2, headers=ANY)
    assert (400, "Application_DialogException") == error_of(answer)
    blank = {"companyName": ""}
    left = await bench.ask("PATCH", path, blank, route=V2, headers=ANY)
    assert ("", "") == (left.json()["companyNumber"], left.json()["companyName"])


async def test_a_rename_takes_its_references_along(bench: Bench) -> None:
    """A changed number or code moves what points at it; the id stays."""
    customer = await first(bench)
    bench.company.update("customers", customer["id"], {"salespersonCode": "PS"})
    sales = await first(bench, "salespeoplePurchasers")
    path = f"salespeoplePurchasers({sales['id']})"
    await bench.ask("PATCH", path, {"code": "ps2"}, headers=ANY)
    assert "PS2" == (await first(bench))["salespersonCode"]
    await bench.ask(
        "PATCH", f"customers({customer['id']})", {"number": "99"}, headers=ANY
    )
    renamed = await first(bench, "customers?$filter=number eq '99'")
    assert (customer["id"], customer["companyContactNumber"]) == (
        renamed["id"],
        renamed["companyContactNumber"],
    )
    taken = await bench.ask(
        "PATCH", f"customers({customer['id']})", {"number": "20000"}, headers=ANY
    )
    assert (400, "Internal_EntityWithSameKeyExists") == error_of(taken)


async def test_a_template_fills_what_the_body_leaves_out(bench: Bench) -> None:
    """Its values are defaults, its series numbers the row; it reads as blank."""
    bench.company.series["VIP"] = "VIP01"
    values = {"paymentTermsCode": "30D", "city": "Ulm"}
    bench.company.add_template("Customer", "VIP", values, series="VIP")
    body = {"displayName": "New", "city": "Bonn", "templateCode": "vip"}
    row = (await bench.ask("POST", "customers", body)).json()
    assert ("VIP01", "30D", "Bonn", "") == (
        row["number"],
        row["paymentTermsCode"],
        row["city"],
        row["templateCode"],
    )
    path = f"customers({row['id']})"
    change = {"templateCode": "VIP"}
    answer = await bench.ask("PATCH", path, change, headers=ANY)
    assert (400, "BadRequest_InvalidOperation") == error_of(answer)


async def test_rates_and_stock_are_worked_out(bench: Bench) -> None:
    """The factor follows the rate at the work date, stock the ledger entries."""
    euro = await first(bench, "currencies")
    assert 0.8 == euro["currencyFactor"]
    before = euro["lastModifiedDateTime"]
    bench.state.clock.advance(60)
    bench.company.set_rate("EUR", bench.state.work_date, exchange=1, relational=2)
    euro = await first(bench, "currencies")
    assert (0.5, before) == (euro["currencyFactor"], euro["lastModifiedDateTime"])
    assert euro["exchangeRateModifiedDateTime"] > before
    bench.company.move_item("1000", 7)
    bench.company.move_item("1000", -2.5)
    assert 4.5 == (await first(bench, "items"))["inventory"]
    newer = "itemLedgerEntries?$filter=lastModifiedDateTime gt 2026-03-10T12:00:30Z"
    assert ["1000", "1000"] == [row["itemNumber"] for row in await bench.rows(newer)]
    setup = await first(bench, "syncSetups")
    assert ("USD", "2026-03-10") == (setup["localCurrencyCode"], setup["workDate"])


async def test_stock_is_set_by_a_change_never_on_creation(bench: Bench) -> None:
    """The standard page posts the difference; on insert it refuses."""
    body = {"number": "2", "displayName": "x", "inventory": 1}
    answer = await bench.ask("POST", "items", body, route=V2)
    assert (400, "Application_DialogException") == error_of(answer)
    item = await first(bench, "items", route=V2)
    path = f"items({item['id']})"
    change = {"inventory": 3}
    changed = await bench.ask("PATCH", path, change, route=V2, headers=ANY)
    assert 3 == changed.json()["inventory"]
    assert (
        item["baseUnitOfMeasureId"]
        == bench.company.find("Unit of Measure", "PCS")["id"]
    )
