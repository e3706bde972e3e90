"""Persons here and contacts there, as the tests of CONTACT make them."""

from __future__ import annotations

TO, FROM = "to-dataverse", "from-dataverse"
BASICS = {
    "city": ("address1_city", "London"),
    "addressLine1": ("address1_line1", "Main Street 1"),
    "addressLine2": ("address1_line2", "Yard"),
    "postalCode": ("address1_postalcode", "W1"),
    "country": ("address1_country", "GB"),
    "state": ("address1_stateorprovince", "Texas"),
    "email": ("emailaddress1", "jo@example.com"),
    "faxNumber": ("fax", "3"),
    "firstName": ("firstname", "Jo"),
    "middleName": ("middlename", "B."),
    "surname": ("lastname", "Smith"),
    "website": ("websiteurl", "example.com"),
    "mobilePhoneNumber": ("mobilephone", "4"),
    "pager": ("pager", "5"),
    "phoneNumber": ("telephone1", "6"),
}


def company_of(world, customer_row):
    """Return the number of a customer's company contact."""
    (relation,) = world.company.tables["Contact Business Relation"].where(
        "number", customer_row["number"]
    )
    return relation["contactNumber"]


def person(world, customer_row, **values):
    """Create a person of a customer's company; returns the stored row."""
    body = {
        "type": "Person",
        "surname": "Smith",
        "companyNumber": company_of(world, customer_row) if customer_row else "",
        **values,
    }
    return dict(world.company.insert("contacts", body))


def person_there(world, account_id, **values):
    """Create a contact of an account as a person would; returns its id."""
    body = {"lastname": "Smith", **values}
    if account_id:
        body["parentcustomerid_account@odata.bind"] = f"/accounts({account_id})"
    return world.dv.insert("contact", body, user=world.human)


def coupled(world, pair, **values):
    """Create a person and its contact; returns both ids."""
    row = person(world, pair[0], **values)
    report = world.run("CONTACT", create_new=True)
    assert [] == report.errors
    return row["id"], world.coupled("CONTACT")[row["id"]]


def run_to(world, bc_id, **parameters):
    """Run one contact to Dataverse; returns the report."""
    return world.run("CONTACT", direction=TO, records=[bc_id], **parameters)
