"""People see numbers, names and codes where programs see ids."""

from __future__ import annotations

from flows.verify import verify
from tasks.log import RunLog
from tests.scenarios.pairs import later, synced
from tests.scenarios.people import couple_salesperson
from tests.world import World
from tieline.report import JobReport, PlannedChange, RecordFailure
from tieline.verification import Difference, Verification

TO = "to-dataverse"
ADDRESS = "https://org.crm4.dynamics.com/main.aspx?etn={}&id={}&pagetype=entityrecord"


class Pages:
    """A session that knows pages of Dataverse only."""

    def side(self, name: str) -> Pages:
        self.name = name
        return self

    def address(self, table: str, id_: str) -> str:
        return ADDRESS.format(table, id_) if self.name == "dataverse" else ""


def log_of(report: JobReport) -> RunLog:
    return RunLog(report, Pages(), ("customers", "account"))


def test_a_plan_shows_codes_where_it_holds_ids(world: World):
    """The owner by the salesperson's code, the term by its own; JSON has the values."""
    user, code = couple_salesperson(world, "JO", "Jo Berry")
    world.company.insert("paymentTerms", {"code": "COD"})
    world.dv.options.insert("account", "paymenttermscode", "COD", 900)
    world.dv.options.publish()
    ((customer, _),) = synced(world, "Adatum", paymentTermsCode="COD")
    number = world.company.row("customers", customer)["number"]
    world.edit_customer(customer, salespersonCode=code, paymentTermsCode="")
    later(world)
    report = world.run("CUSTOMER", dry_run=True)
    (change,) = report.changes
    assert number == report.name_of(change)
    values = {one["field"]: (one["from"], one["to"]) for one in change.fields}
    assert user == values["salespersonCode"][1]
    assert "JO" == report.shown("salespersonCode", user)
    assert (900, None) == values["paymentTermsCode"]
    assert "COD" == report.shown("paymentTermsCode", 900)


def test_a_new_record_has_its_number(world: World):
    """What has no coupling yet is named by what the run read."""
    number = world.customer("Adatum")["number"]
    report = world.run("CUSTOMER", direction=TO, create_new=True, dry_run=True)
    assert [number] == [report.name_of(change) for change in report.changes]


def test_verify_names_coupled_and_uncoupled_records(world: World):
    """By the number that the coupling has, or by the number or name read."""
    ((customer, account),) = synced(world, "Adatum")
    world.edit_account(account, name="Adatum Ltd")
    alone, stranger = world.customer("Alone"), world.account("Stranger")
    (report,) = world.run_flow(verify, job="CUSTOMER")
    number = world.company.row("customers", customer)["number"]
    assert [number, alone["number"], "Stranger"] == [
        report.known_as(id_) for id_ in (customer, alone["id"], stranger)
    ]


def test_artifacts_put_the_record_first_and_ids_last():
    """Links lead to a page of the web client, or are none."""
    link = f"[a]({ADDRESS.format('account', 'a')})"
    report = JobReport("CUSTOMER", names={"c": "10000", "u": "JO"})
    change = PlannedChange(TO, "modify", "c", "a", ())
    field = {"field": "salespersonCode", "from": None, "to": "u"}
    assert [
        ("record", "10000"),
        ("direction", TO),
        ("action", "modify"),
        ("field", "salespersonCode"),
        ("from", None),
        ("to", "JO"),
        ("source", "c"),
        ("destination", link),
    ] == list(log_of(report).plan_row(change, field).items())
    error = RecordFailure(TO, "c", "a", "TL-301", "Waits.")
    row = log_of(report).error_row(error)
    assert ["record", "job"] == list(row)[:2]
    assert ("10000", "c", link) == (row["record"], row["source"], row["destination"])
    found = Verification("CUSTOMER", different=[Difference("c", "a", ("name",))])
    *_, row = log_of(report).verification_rows(found)
    assert [
        ("record", "10000"),
        ("result", "different"),
        ("count", ""),
        ("fields", "name"),
        ("bc", "c"),
        ("dataverse", link),
    ] == list(row.items())
