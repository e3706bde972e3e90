"""Contacts and customers where the primary contact is not mapped."""

from __future__ import annotations

from tests.jobs.persons import FROM, company_of, person_there


def test_contacts_follow_although_the_primary_contact_is_off(world):
    """An account that becomes a customer takes its contacts along, as ever."""
    world.configure("[mappings.CUSTOMER.fields]\nprimaryContactNumber = false\n")
    account = world.account("Litware", customertypecode=11)
    id_ = person_there(world, account)
    world.run("CONTACT", direction=FROM, records=[id_], create_new=True)
    (bc_id,) = world.coupled("CONTACT")
    world.edit_account(account, customertypecode=3)
    report = world.run("CUSTOMER", create_new=True)
    assert "" == report.error_code
    assert {"inserted": 1} == world.counts(report, FROM)
    (customer,) = world.company.rows("customers")
    person = world.company.row("contacts", bc_id)
    assert company_of(world, customer) == person["companyNumber"]
