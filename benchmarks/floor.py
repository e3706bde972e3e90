"""The raw copy: what the same work costs a bare loop without memory or safety.

Reads the changed customers page by page, maps the fields of CUSTOMER and sends
them in bulk. It neither couples nor compares; whoever is measured against it does
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

FIELDS = {
    "displayName": "name",
    "contactName": "address1_primarycontactname",
    "addressLine1": "address1_line1",
    "addressLine2": "address1_line2",
    "postalCode": "address1_postalcode",
    "city": "address1_city",
    "country": "address1_country",
    "state": "address1_stateorprovince",
    "email": "emailaddress1",
    "faxNumber": "fax",
    "website": "websiteurl",
    "phoneNumber": "telephone1",
    "creditLimit": "creditlimit",
}
BULK = 1000
PAGE = 5000


def copy(bc: str, dataverse: str, *, ids: dict[str, str] | None, since: str) -> int:
    """Copy the customers changed after `since`; returns how many.

    With `ids` (BC id to account id) accounts are updated, without they are made.
    """
    sent = 0
    with httpx.Client(timeout=60) as client:
        company = client.get(f"{bc}/api/v2.0/companies").json()["value"][0]["id"]
        url: str | None = (
            f"{bc}/api/tieline/sync/v1.0/companies({company})/customers"
            f"?$select=id,{','.join(FIELDS)}"
        )
        if since:
            url = f"{url}&$filter=lastModifiedDateTime%20gt%20{since}"
        while url:
            page = orjson.loads(
                client.get(url, headers={"Prefer": f"odata.maxpagesize={PAGE}"}).content
            )
            rows = [target(row, ids) for row in page["value"]]
            verb = "CreateMultiple" if ids is None else "UpdateMultiple"
            for start in range(0, len(rows), BULK):
                answer = client.post(
                    f"{dataverse}/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.{verb}",
                    content=orjson.dumps({"Targets": rows[start : start + BULK]}),
                    headers={"Content-Type": "application/json"},
                )
                answer.raise_for_status()
            sent += len(rows)
            url = page.get("@odata.nextLink")
    return sent


def target(row: Mapping[str, Any], ids: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the account of a customer; with `ids` it is one that exists."""
    account = {column: row[name] or None for name, column in FIELDS.items()}
    account["@odata.type"] = "Microsoft.Dynamics.CRM.account"
    account["customertypecode"] = 3
    if ids is not None:
        account["accountid"] = ids[row["id"]]
    return account
