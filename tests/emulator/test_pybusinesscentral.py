"""A client that nobody here wrote reads and changes rows with its typed models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx
import orjson
import pybusinesscentral
import pytest
from pybusinesscentral import models
from pybusinesscentral.api.company_api import CompanyApi
from pybusinesscentral.api.customer_api import CustomerApi
from pybusinesscentral.api.payment_term_api import PaymentTermApi
from pybusinesscentral.api.sales_invoice_api import SalesInvoiceApi
from pybusinesscentral.api.sales_invoice_line_api import SalesInvoiceLineApi
from pybusinesscentral.exceptions import ApiException
from pybusinesscentral.models import (
    PostCustomerRequest,
    PostSalesInvoiceLineForSalesInvoiceRequest,
    PostSalesInvoiceRequest,
)

from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.business_central.schema import schema
from emulator.server import serve

HOSTILE = "=1+1 <b>'O''Brien'</b> \U0001f600 שלום "


@pytest.fixture(scope="module")
def company() -> LiveCompany:
    company = BusinessCentralState().add_company("CRONUS")
    company.insert("currencies", {"code": "EUR", "displayName": "Euro"})
    company.set_rate("EUR", date(2020, 1, 1), relational=1.25)
    company.insert("paymentTerms", {"code": "30D", "displayName": "30 days"})
    company.insert("items", {"number": "1", "displayName": "Bolt", "unitPrice": 2.5})
    for number in range(1, 6):
        company.insert("customers", {"displayName": f"Customer {number}"})
    return company


@pytest.fixture(scope="module")
def client(company: LiveCompany) -> Iterator[pybusinesscentral.ApiClient]:
    app = create_business_central(company.surroundings)
    with serve(app) as server:
        configuration = pybusinesscentral.Configuration(
            host=f"{server.url}/v2.0/tenant/env/api/v2.0"
        )
        configuration.access_token = "dummy"
        with pybusinesscentral.ApiClient(configuration) as client:
            yield client


def test_companies_parse(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """The list of companies fits its model."""
    found = CompanyApi(client).list_companies().value
    assert [(company.id, "CRONUS")] == [(one.id, one.name) for one in found]


def test_an_unknown_country_is_refused_in_the_words_of_the_service(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """The code of a related table has to be there; then the same request passes."""
    api, json = CustomerApi(client), "application/json"
    body = PostCustomerRequest(display_name="Elsewhere", country="XX")
    with pytest.raises(ApiException) as caught:
        api.post_customer(company.id, json, body)
    assert 400 == caught.value.status
    error = orjson.loads(caught.value.body)["error"]
    assert "Internal_InvalidTableRelation" == error["code"]
    assert error["message"].startswith(
        "The field Country/Region Code of table Customer contains a value (XX) that "
        "cannot be found in the related table (Country/Region).  CorrelationId:  "
    )
    company.insert("countriesRegions", {"code": "XX", "displayName": "Elsewhere"})
    made = api.post_customer(company.id, json, body)
    assert "XX" == company.row("customers", str(made.id))["country"]
    company.delete("customers", str(made.id))


def test_customers_are_listed_filtered_and_selected(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """Lists parse; the client's own encoding of options is understood."""
    api = CustomerApi(client)
    everyone = api.list_customers(company.id).value
    assert 5 == len(everyone)
    assert everyone[0].last_modified_date_time.tzinfo is not None
    filtered = api.list_customers(company.id, filter="displayName eq 'Customer 2'")
    assert ["Customer 2"] == [one.display_name for one in filtered.value]
    selected = api.list_customers(company.id, top=2, skip=1, select=["id", "number"])
    assert [None, None] == [one.display_name for one in selected.value]


def test_a_customer_is_created_read_changed_and_deleted(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """A row's life with typed models, hostile text included."""
    api = CustomerApi(client)
    body = PostCustomerRequest(display_name=HOSTILE, currency_code="EUR")
    made = api.post_customer(company.id, "application/json", body)
    assert (HOSTILE, "EUR", "_x0020_") == (
        made.display_name,
        made.currency_code,
        made.blocked,
    )
    change = PostCustomerRequest(display_name="Plain")
    changed = api.patch_customer(company.id, made.id, "application/json", "*", change)
    assert "Plain" == changed.display_name
    assert "Plain" == api.get_customer(company.id, made.id).display_name
    api.delete_customer(company.id, made.id)
    with pytest.raises(ApiException) as refused:
        api.get_customer(company.id, made.id)
    assert 404 == refused.value.status


def test_invoices_and_terms_parse(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """Dates, amounts and statuses of drafts and posted invoices fit their models."""
    number = company.rows("customers")[0]["number"]
    line = {"lineType": "Item", "lineObjectNumber": "1", "quantity": 3}
    for _ in range(2):
        draft = company.insert(
            "salesInvoices",
            {"customerNumber": number, "salesInvoiceLines": [line]},
            route="standard",
        )
    company.post_invoice(draft["id"])
    invoices = SalesInvoiceApi(client).list_sales_invoices(company.id).value
    today = datetime.now(UTC).date()
    assert [("Draft", 7.5), ("Open", 7.5)] == [
        (one.status, one.remaining_amount) for one in invoices
    ]
    assert all(abs((one.invoice_date - today).days) <= 1 for one in invoices)
    terms = PaymentTermApi(client).list_payment_terms(company.id).value
    assert ["30D"] == [one.code for one in terms]


def test_an_invoice_is_written_and_posted(
    client: pybusinesscentral.ApiClient, company: LiveCompany
) -> None:
    """Header, line and action are each a request of the client's own."""
    number = company.rows("customers")[1]["number"]
    header = PostSalesInvoiceRequest(customer_number=number, currency_code="EUR")
    api, json = SalesInvoiceApi(client), "application/json"
    draft = api.post_sales_invoice(company.id, json, header)
    item = company.rows("items")[0]["id"]
    line = PostSalesInvoiceLineForSalesInvoiceRequest(item_id=item, quantity=4)
    lines = SalesInvoiceLineApi(client)
    lines.post_sales_invoice_line_for_sales_invoice(company.id, draft.id, json, line)
    api.post_action_sales_invoices(company.id, draft.id)
    posted = api.get_sales_invoice(company.id, draft.id)
    assert ("Open", 10, "EUR") == (
        posted.status,
        posted.total_amount_including_tax,
        posted.currency_code,
    )
    found = lines.list_sales_invoice_lines_for_sales_invoice(company.id, draft.id)
    assert [("Item", 4, item)] == [
        (one.line_type, one.quantity, one.item_id) for one in found.value
    ]


def _model(entity: str) -> type[models.Customer] | None:
    """The client's model of an entity, if it has one."""
    return getattr(models, entity[0].upper() + entity[1:], None)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, page in schema().pages["standard"].items()
        if _model(page.entity) and name != "salesInvoiceLines"
    ],
)
def test_every_row_fits_the_model_of_its_set(
    client: pybusinesscentral.ApiClient, company: LiveCompany, name: str
) -> None:
    """Strict types, lengths and dates of the models take what the pages show."""
    _fill(company)
    page = schema().pages["standard"][name]
    host = client.configuration.host
    rows = httpx.get(f"{host}/companies({company.id})/{name}").json()["value"]
    parsed = [_model(page.entity).from_dict(row) for row in rows]
    assert rows
    assert [row[page.key] for row in rows] == [str(one.id) for one in parsed]


_OLDER = {"website": 80, "taxRegistrationNumber": 20}
"""Lengths that the client still has from before the fields grew to 255 and 50."""


def _fill(company: LiveCompany) -> None:
    """Give every set a row, and one whose texts are as long as they can be."""
    for name, page in schema().pages["standard"].items():
        if "insert" not in page.operations or name.startswith("salesInvoice"):
            continue
        number = "number" if "number" in page.properties else "code"
        if name == "itemVariants" or company.find(page.table, "FULL"):
            continue
        values = {
            item.name: "\u05d0" * _OLDER.get(item.name, item.length)
            for item in page.properties.values()
            if item.kind == "Text" and item.length and not item.access
        }
        values.pop("companyName", None)
        values[number] = "FULL"
        company.insert(name, values, route="standard")
