"""The field mappings that several tables have alike: the owner and the address."""

from __future__ import annotations

from tieline.conversions import CODE, TEXT, Choice, Company, Currency, Owner
from tieline.conversions.lookup import OwningTeam
from tieline.mapping import Direction, FieldMapping

TO = Direction.TO_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

_PERSON = "ownership_model=Person"
_TEAM = "ownership_model=Team"

OWNER = (
    FieldMapping(None, "owneridtype", TO, Choice("systemuser"), only_when=_PERSON),
    FieldMapping(
        None,
        "ownerid",
        TO,
        OwningTeam(),
        applies="insert",
        only_when=_TEAM,
        is_default=False,
    ),
    FieldMapping(
        "salespersonCode", "ownerid", TO, Owner(), not_null=True, only_when=_PERSON
    ),
)
"""The salesperson's user or the company's team, by the company's ownership model."""

OURS = FieldMapping(None, "bcbi_companyid", TO, Company(), is_default=False)
"""The company row that a row of Dataverse belongs to."""

ADDRESS = (
    FieldMapping("addressLine1", "address1_line1", BOTH, TEXT),
    FieldMapping("addressLine2", "address1_line2", BOTH, TEXT),
    FieldMapping("postalCode", "address1_postalcode", BOTH, CODE),
    FieldMapping("city", "address1_city", BOTH, TEXT),
    FieldMapping("country", "address1_country", BOTH, CODE),
    FieldMapping("state", "address1_stateorprovince", BOTH, TEXT),
    FieldMapping("currencyCode", "transactioncurrencyid", BOTH, Currency()),
    FieldMapping("email", "emailaddress1", BOTH, TEXT),
    FieldMapping("faxNumber", "fax", BOTH, TEXT),
    FieldMapping("website", "websiteurl", BOTH, TEXT),
    FieldMapping("phoneNumber", "telephone1", BOTH, TEXT),
)
"""Where a customer or contact is and how to reach it, and its currency."""
