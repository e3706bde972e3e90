"""What only Business Central does: companies, routes, blanks, invoices."""

from __future__ import annotations

import uuid

import httpx
import pytest
from pydantic import SecretStr

from emulator.business_central import (
    BusinessCentralState,
    create_business_central,
)
from emulator.server import serve
from tests.contract.conftest import Case
from tests.odata.fakes import wire
from tieline.business_central import BusinessCentral
from tieline.errors import (
    DriftError,
    Rejected,
    SettingsError,
    SignInRefused,
    Unavailable,
    UnknownCompany,
)
from tieline.odata.model import Change, Condition
from tieline.odata.schema import MemoryCache
from tieline.odata.wire import Wire
from tieline.settings import BusinessCentralSettings

NO_ENVIRONMENT = (
    '<error xmlns="http://docs.oasis-open.org/odata/ns/metadata">'
    "<code>NoEnvironment</code><message>Environment does not exist.</message></error>"
)


async def test_the_company_is_found_by_name_or_id(bc: Case) -> None:
    """Case does not matter; an unknown name lists the known ones."""
    company = bc.state.company()
    assert company.id == bc.side.company_id
    assert bc.side.company_name == "CRONUS International"
    settings = BusinessCentralSettings(url=bc.side._url)
    for wanted in (company.id.upper(), "CRONUS INTERNATIONAL", ""):
        async with await BusinessCentral.connect(settings, company=wanted) as side:
            assert company.id == side.company_id
    with pytest.raises(UnknownCompany, match="CRONUS International"):
        await BusinessCentral.connect(settings, company="Fabrikam")


@pytest.mark.parametrize("body", ["", NO_ENVIRONMENT])
async def test_a_wrong_address_is_named(body: str) -> None:
    """An address that leads nowhere is a setting to correct, XML or not."""
    settings = BusinessCentralSettings(url="http://127.0.0.1:1/v2.0/nowhere")
    lost = wire(lambda request: httpx.Response(404, text=body))
    with pytest.raises(SettingsError, match="nowhere"):
        await BusinessCentral.connect(settings, company="x", wire=lost)


async def test_blanks_and_members_read_as_plain_values(bc: Case) -> None:
    """Blank dates are None, members decoded, the blank one empty; written alike."""
    row = Change(str(uuid.uuid4()), {"displayName": "A", "blocked": "Invoice"})
    (written,) = await bc.side.insert("customers", [row])
    assert written.row["blocked"] == "Invoice"
    (written,) = await bc.side.update("customers", [Change(row.id, {"blocked": ""})])
    assert written.row["blocked"] == ""
    where = (Condition("blocked", "blank"),)
    frame = await bc.side.by_id("customers", [row.id], columns=["blocked"], where=where)
    assert frame["blocked"].tolist() == [""]
    where = (Condition("blocked", "eq", "Invoice"),)
    frame = await bc.side.by_id("customers", [row.id], columns=["blocked"], where=where)
    assert len(frame) == 0
    bc.state.company().insert("items", {"number": "I1", "type": "Non_x002D_Inventory"})
    items = await bc.side.by_values("items", "number", ["I1"], columns=["type"])
    assert items["type"].tolist() == ["Non-Inventory"]


async def test_a_dead_reference_is_an_error_of_its_row(bc: Case) -> None:
    """The service's own text and code come through, its correlation id apart."""
    rows = [
        Change(str(uuid.uuid4()), {"displayName": "A", "salespersonCode": "NOBODY"}),
        Change(str(uuid.uuid4()), {"displayName": "B"}),
    ]
    bad, good = await bc.side.insert("customers", rows)
    assert bad.error.service_code == "Internal_InvalidTableRelation"
    assert "NOBODY" in bad.error.message
    assert "CorrelationId" not in bad.error.message
    assert len(bad.error.request_id) == 36
    assert None is good.error


async def test_without_the_companion_the_standard_sets_serve(standard_bc: Case) -> None:
    """Only its sets and properties are there; the local currency reads as blank."""
    bc = standard_bc
    assert not bc.side.has_companion
    table = await bc.side.table("customers")
    assert "faxNumber" not in table.columns
    with pytest.raises(DriftError, match="companion app"):
        await bc.side.table("resources")
    assert await bc.side.local_currency() == "USD"
    row = Change(str(uuid.uuid4()), {"displayName": "A", "currencyCode": None})
    (written,) = await bc.side.insert("customers", [row])
    assert written.row["currencyCode"] == ""
    frame = await bc.side.by_id("customers", [row.id], columns=["currencyCode"])
    assert frame["currencyCode"].tolist() == [""]


async def test_drafts_are_posted_and_their_lines_read(bc: Case) -> None:
    """A draft of the standard API is posted; the companion shows it with its lines."""
    company = bc.state.company()
    company.insert("customers", {"number": "C1", "displayName": "A"})
    company.insert("unitsOfMeasure", {"code": "PCS", "displayName": "Piece"})
    company.insert("items", {"number": "I1", "baseUnitOfMeasureCode": "PCS"})
    draft = Change(
        str(uuid.uuid4()), {"customerNumber": "C1", "externalDocumentNumber": "X1"}
    )
    (written,) = await bc.side.insert("salesInvoices", [draft])
    assert None is written.error
    lines = [
        Change(
            str(uuid.uuid4()),
            {
                "documentId": draft.id,
                "lineType": "Item",
                "lineObjectNumber": "I1",
                "quantity": n,
                "unitPrice": 10,
            },
        )
        for n in (1, 2)
    ]
    results = await bc.side.insert("salesInvoiceLines", lines)
    assert [one.error for one in results] == [None, None]
    await bc.side.action("salesInvoices", draft.id, "Microsoft.NAV.post")
    posted = await bc.side.by_values(
        "postedSalesInvoices",
        "externalDocumentNumber",
        ["X1"],
        columns=["draftInvoiceId", "totalAmountExcludingTax"],
    )
    assert [draft.id] == posted["draftInvoiceId"].tolist()
    frame = await bc.side.children(
        "postedSalesInvoices",
        posted["id"].tolist(),
        "postedSalesInvoiceLines",
        columns=["quantity", "lineType"],
    )
    assert posted["id"].tolist() * 2 == frame["parent_id"].tolist()
    assert sorted(frame["quantity"]) == [1, 2]
    assert {"Item"} == set(frame["lineType"])
    with pytest.raises(DriftError, match="no_lines"):
        await bc.side.children("postedSalesInvoices", [], "no_lines", columns=[])


async def test_stale_metadata_is_read_anew(bc: Case) -> None:
    """A property that the cache knows and the service lost is drift, not a riddle."""
    cache = MemoryCache()
    async with await bc.connect(cache) as side:
        await side.table("customers")
    for key, text in list(cache._texts.items()):
        cache.put(key, text.replace('"faxNumber"', '"faxNo"'))
    async with await bc.connect(cache) as side:
        with pytest.raises(DriftError, match="faxNo"):
            _ = [page async for page in side.changed("customers", columns=["faxNo"])]
        assert "faxNumber" in (await side.table("customers")).columns


async def test_credentials_are_needed_and_renewed_within_a_run() -> None:
    """Wrong secrets are refused; a token that expires is replaced in the middle."""
    state = BusinessCentralState()
    state.add_company("A")
    state.tokens.client_id, state.tokens.client_secret = "app", "right"
    with serve(create_business_central(state)) as server:
        settings = BusinessCentralSettings(
            url=server.url,
            client_id="app",
            client_secret=SecretStr("right"),
            token_url=f"{server.url}/t/oauth2/v2.0/token",
        )
        wrong = settings.model_copy(update={"client_secret": SecretStr("wrong")})
        with pytest.raises(SignInRefused):
            await BusinessCentral.connect(wrong, company="A")
        async with await BusinessCentral.connect(settings, company="A") as side:
            state.tokens.revoke()
            assert (await side.table("customers")).set_name == "customers"


async def test_the_limits_are_not_hit(bc: Case) -> None:
    """Under the service's limits a bulk load sees hardly a refusal."""
    bc.state.limits.enabled = True
    rows = await bc.seeded(900)
    assert len(rows) == 900
    assert bc.side.counters.throttled == 0


async def test_refused_columns_are_no_silent_loss(bc: Case) -> None:
    """A property that the page computes cannot be filtered: the error comes through."""
    where = (Condition("companyContactNumber", "eq", "X"),)
    with pytest.raises(Rejected):
        _ = [
            page async for page in bc.side.changed("customers", columns=[], where=where)
        ]


async def test_an_unreachable_service_is_told_in_one_sentence() -> None:
    """Nobody listens: Unavailable names the place, quickly."""
    once = Wire(attempts=1)
    settings = BusinessCentralSettings(url="http://127.0.0.1:9")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 gave no answer"):
        await BusinessCentral.connect(settings, company="x", wire=once)
