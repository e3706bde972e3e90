"""POSTEDSALESINV-INV from Dataverse: active invoices are posted, and only once."""

from __future__ import annotations

import pytest

from emulator.business_central.schema import STANDARD
from tests.jobs.invoices import FROM, JOB, TO, Shop
from tests.jobs.killing import killed_at


@pytest.fixture
def shop(world):
    """A company with a coupled customer, item and resource."""
    return Shop(world)


def post(shop, **parameters):
    """Run the job the other way, for what is new too."""
    return shop.run(direction=FROM, **parameters)


def posted_of(shop, invoice_id):
    """Return the posted invoice that an invoice is coupled to."""
    (bc_id,) = [bc for bc, dv in shop.world.coupled(JOB).items() if dv == invoice_id]
    return shop.company.row("postedSalesInvoices", bc_id)


def test_an_active_invoice_is_posted_and_coupled(shop):
    """Customer, lines, discounts and addresses arrive; neither way writes again."""
    id_ = shop.sell(
        "INV-1",
        shop.detail(manualdiscountamount=20),
        discountamount=30,
        duedate="2026-05-01",
        shipto_city="Bonn",
    )
    report = post(shop)
    assert [] == report.errors
    assert ({"inserted": 1}, 1) == (
        shop.world.counts(report, FROM),
        report.lines[FROM].inserted,
    )
    posted = posted_of(shop, id_)
    assert ("INV-1", shop.customer["number"], 150, "2026-05-01", "Bonn") == (
        posted["externalDocumentNumber"],
        posted["customerNumber"],
        posted["totalAmountExcludingTax"],
        str(posted["dueDate"])[:10],
        posted["shipToCity"],
    )
    (line,) = shop.company.tables["Sales Invoice Line"].where(
        "documentId", posted["id"]
    )
    assert (shop.item["number"], 2, 100, 20) == (
        line["lineObjectNumber"],
        line["quantity"],
        line["unitPrice"],
        line["lineDiscountAmount"],
    )
    version = shop.world.dv.row("invoice", id_)["versionnumber"]
    assert set(shop.world.counts(post(shop), FROM)) <= {"unchanged"}
    assert set(shop.world.counts(shop.run(), TO)) <= {"unchanged"}
    assert 1 == len(shop.company.rows("postedSalesInvoices"))
    assert version == shop.world.dv.row("invoice", id_)["versionnumber"]


def test_a_posted_invoice_belongs_to_the_company(shop):
    """Another company's run must not post it too: ours is written, and no change."""
    company = shop.world.dv.insert(
        "bcbi_company",
        {"bcbi_name": "CRONUS", "bcbi_externalid": shop.company.id},
    )
    id_ = shop.sell("INV-1")
    post(shop)
    assert company == shop.world.dv.row("invoice", id_)["_bcbi_companyid_value"]
    assert set(shop.world.counts(post(shop), FROM)) <= {"unchanged"}


def test_only_coupled_by_default(shop):
    """Without create_new nothing is posted."""
    shop.sell("INV-1")
    shop.world.run(JOB, direction=FROM)
    assert [] == shop.company.rows("postedSalesInvoices")


def test_a_header_discount_in_per_cent_becomes_an_amount(shop):
    """Ten per cent of the lines."""
    id_ = shop.sell("INV-1", discountpercentage=10)
    post(shop)
    assert 180 == posted_of(shop, id_)["totalAmountExcludingTax"]


def test_what_is_not_coupled_is_waited_for(shop):
    """An account or a product without a counterpart blocks its own invoice only."""
    stray = shop.world.account("Stray")
    bind = {"customerid_account@odata.bind": f"/accounts({stray})"}
    waiting = shop.sell("INV-1", **bind)
    good = shop.sell("INV-2")
    report = post(shop)
    assert {"inserted": 1, "failed": 1} == shop.world.counts(report, FROM)
    assert ["TL-301"] == [error.code for error in report.errors]
    shop.world.run("CUSTOMER", create_new=True)
    assert 1 == shop.world.counts(post(shop), FROM)["inserted"]
    assert "INV-1" == posted_of(shop, waiting)["externalDocumentNumber"]
    assert "INV-2" == posted_of(shop, good)["externalDocumentNumber"]


@pytest.mark.parametrize(
    ("values", "text"),
    [({"freightamount": 5}, "freight amount"), ({"lines": "none"}, "written in")],
)
def test_what_has_no_place_is_refused(shop, values, text):
    """Freight, and a written-in product without the company's own, are errors."""
    lines = ()
    if values.pop("lines", None):
        lines = (
            {
                "isproductoverridden": True,
                "productdescription": "Gift wrap",
                "quantity": 1,
                "priceperunit": 3,
            },
        )
    shop.sell("INV-1", *lines, **values)
    (error,) = post(shop).errors
    assert ("TL-308", True) == (error.code, text in error.message)
    assert [] == shop.company.rows("salesInvoices")


def test_closed_invoices_are_left_alone(shop):
    """Only active invoices are posted; one that is named is told why not."""
    id_ = shop.sell("INV-1")
    shop.world.dv.edit_as(
        shop.world.human, "invoice", id_, {"statecode": 2, "statuscode": 100001}
    )
    assert {} == shop.world.counts(post(shop), FROM)
    (error,) = post(shop, records=[id_]).errors
    assert "not active" in error.message


def test_a_document_of_somebody_else_is_not_doubled(shop):
    """The same External Document No. for the same customer: a person decides."""
    shop.company.insert(
        "salesInvoices",
        {
            "customerNumber": shop.customer["number"],
            "externalDocumentNumber": "INV-1",
        },
        route=STANDARD,
    )
    shop.sell("INV-1")
    (error,) = post(shop).errors
    assert "External Document No. INV-1" in error.message
    assert [] == shop.company.rows("postedSalesInvoices")


def test_a_draft_that_comes_to_another_amount_is_not_posted(shop):
    """What an earlier run left and the invoice has outgrown is shown, not posted."""
    id_ = shop.sell("INV-1")
    from_draft = _leave_a_draft(shop)
    (line,) = shop.details(id_)
    shop.world.dv.edit_as(
        shop.world.human,
        "invoicedetail",
        line["invoicedetailid"],
        {"priceperunit": 300, "ispriceoverridden": True},
    )
    (error,) = post(shop).errors
    assert "was not posted" in error.message
    assert "Draft" == shop.company.row("salesInvoices", from_draft)["status"]


def _leave_a_draft(shop):
    """Let a run end after its lines were written; returns the draft's id."""
    with pytest.MonkeyPatch.context() as patch:
        for nth in range(1, 60):
            killed_at(nth, lambda: post(shop), patch, after=True)
            drafts = shop.company.rows("salesInvoices")
            if drafts and shop.company.tables["Sales Line"].where(
                "documentId", drafts[0]["id"]
            ):
                return drafts[0]["id"]
    return None


def test_a_dry_run_posts_nothing(shop):
    """The draft with its discount and each of its lines are listed by their ids."""
    second = shop.detail(quantity=1, lineitemnumber=2)
    id_ = shop.sell("INV-1", shop.detail(), second, discountamount=4)
    report = post(shop, dry_run=True)
    assert ([id_] * 3, 2) == (
        [change.source_id for change in report.changes],
        report.lines[FROM].inserted,
    )
    assert [] == shop.company.rows("salesInvoices")
    draft = report.changes[0]
    assert 4 == {one["field"]: one["to"] for one in draft.fields}["discountAmount"]
    post(shop)
    assert draft.destination_id == posted_of(shop, id_)["draftInvoiceId"]
    assert 3 == len({change.destination_id for change in report.changes})


def test_the_payment_of_a_posted_invoice_reaches_its_source(shop):
    """An invoice that came from Dataverse is known by its number, as any other."""
    id_ = shop.sell("INV-1")
    post(shop)
    number = posted_of(shop, id_)["number"]
    with shop.world.open_store() as store:
        known = store.by_key(shop.company.id, JOB, [number])
    assert id_ == known[number][1]
    shop.company.pay_invoice(number)
    shop.world.run("CUSTOMER-STATISTICS")
    invoice = shop.world.dv.row("invoice", id_)
    assert (2, 100001) == (invoice["statecode"], invoice["statuscode"])


def _sweep(shop, monkeypatch, points, *, after):
    """Kill a run of three invoices at each point; run again; each is posted once."""
    for nth in points:
        names = [f"INV-{nth}-{letter}" for letter in "ABC"]
        ids = [
            shop.sell(name, *[shop.detail() for _ in range(count)])
            for name, count in zip(names, (1, 2, 1), strict=True)
        ]
        if not killed_at(nth, lambda: post(shop), monkeypatch, after=after):
            return
        assert [] == post(shop).errors, nth
        for name, id_, count in zip(names, ids, (1, 2, 1), strict=True):
            same = [
                row
                for row in shop.company.rows("postedSalesInvoices")
                if row["externalDocumentNumber"] == name
            ]
            assert [200 * count] == [r["totalAmountExcludingTax"] for r in same], nth
            assert same[0]["id"] == posted_of(shop, id_)["id"]
        drafts = [
            row
            for row in shop.company.rows("salesInvoices")
            if row["status"] == "Draft"
        ]
        assert [] == drafts, nth
    pytest.fail("the run has more requests than the sweep has points")


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_a_request(shop, monkeypatch, after):
    """Whatever was done, the next run completes it: nothing is posted twice."""
    _sweep(shop, monkeypatch, range(2 + after, 99, 4), after=after)


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_request(shop, monkeypatch, after):
    """As the short form, at each request."""
    _sweep(shop, monkeypatch, range(1, 99), after=after)
