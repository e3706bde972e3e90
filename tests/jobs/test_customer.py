"""CUSTOMER: what travels which way, and what does not."""

from __future__ import annotations

TO, FROM = "to-dataverse", "from-dataverse"


def test_a_new_customer_becomes_an_account(world):
    """With create_new an uncoupled customer gets an account of type customer."""
    world.customer("Adatum", city="London", phoneNumber="123")
    report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1} == world.counts(report, TO)
    (account,) = world.dv.rows("account")
    assert ("Adatum", "London", "123", 3) == (
        account["name"],
        account["address1_city"],
        account["telephone1"],
        account["customertypecode"],
    )


def test_only_coupled_records_by_default(world):
    """Synch. Only Coupled Records leaves uncoupled records out, uncounted."""
    world.customer("Adatum")
    world.account("Litware")
    report = world.run("CUSTOMER")
    assert {} == world.counts(report, TO)
    assert {} == world.counts(report, FROM)


def test_changes_on_both_sides_merge(world):
    """A name changed here and a phone changed there both arrive in one run."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[customer["id"]]
    world.edit_customer(customer["id"], displayName="Adatum Ltd")
    world.edit_account(account, telephone1="2")
    report = world.run("CUSTOMER")
    assert 1 == world.counts(report, TO)["modified"]
    assert 1 == world.counts(report, FROM)["modified"]
    assert "Adatum Ltd" == world.dv.row("account", account)["name"]
    assert "2" == world.company.row("customers", customer["id"])["phoneNumber"]


def test_the_next_run_writes_nothing(world):
    """After a run both sides agree: nothing is written again."""
    world.customer("Adatum")
    world.account("Litware", telephone1="5")
    world.run("CUSTOMER", create_new=True)
    before = [row["versionnumber"] for row in world.dv.rows("account")]
    for _ in range(2):
        report = world.run("CUSTOMER", create_new=True)
        assert "unchanged" in world.counts(report, FROM)
        assert 0 == report.failed
    assert before == [row["versionnumber"] for row in world.dv.rows("account")]


def test_a_field_changed_on_both_sides_is_a_conflict(world):
    """Different values of one field: one failure per direction, both kept."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[customer["id"]]
    world.edit_customer(customer["id"], displayName="Left")
    world.edit_account(account, name="Right")
    report = world.run("CUSTOMER")
    assert {"failed": 1} == world.counts(report, TO)
    assert {"failed": 1} == world.counts(report, FROM)
    assert ["TL-302", "TL-302"] == [error.code for error in report.errors]
    assert "Right" == world.dv.row("account", account)["name"]
    assert "Left" == world.company.row("customers", customer["id"])["displayName"]
    again = world.run("CUSTOMER")
    assert 1 == world.counts(again, TO)["skipped"]


def test_an_unknown_salesperson_fails_alone_and_waits(world):
    """The other customers go through; this one goes through when it can."""
    world.company.insert("salespeoplePurchasers", {"code": "JO", "displayName": "Jo"})
    world.customer("Good")
    world.customer("Blocked", salespersonCode="JO")
    report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1, "failed": 1} == world.counts(report, TO)
    (error,) = report.errors
    assert "TL-301" == error.code
    assert "salesperson JO" in error.message
    again = world.run("CUSTOMER", create_new=True)
    assert 0 == again.failed


def test_an_inactive_account_blocks_its_customer(world):
    """Deactivated accounts block; the filter keeps them out unless they are named."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[customer["id"]]
    world.edit_account(account, statecode=1, statuscode=2)
    world.run("CUSTOMER", direction=FROM, records=[account])
    assert "All" == world.company.row("customers", customer["id"])["blocked"]
