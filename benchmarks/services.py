"""Both emulated services in a process of their own, for measuring clients.

Reads one command per line: `touch bc` and `touch dataverse` change every customer
or account as another user would; `counts` prints how many requests came in;
`stop` ends. Prints one JSON line per command.
"""

from __future__ import annotations

import json
import sys
from datetime import date

from tieline.emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from tieline.emulator.dataverse import DataverseState, create_dataverse
from tieline.emulator.server import serve

PEOPLE = 20


def fill(company: LiveCompany, dataverse: DataverseState, rows: int) -> None:
    """Create `rows` customers of a company with one currency beside its own."""
    company.insert("currencies", {"code": "USD", "displayName": "US dollar"})
    company.set_rate("USD", date(2026, 1, 1), exchange=1, relational=0.9)
    for number in range(rows):
        company.insert(
            "customers",
            {
                "displayName": f"Customer {number}",
                "contactName": f"Person {number % 97}",
                "addressLine1": f"{number} High Street",
                "addressLine2": "Second floor",
                "postalCode": f"AB{number % 1000}",
                "city": "London",
                "country": "GB",
                "state": "Greater London",
                "phoneNumber": f"+44 {number}",
                "faxNumber": f"+44 9{number}",
                "email": f"customer{number}@example.com",
                "website": f"https://customer{number}.example.com",
                "creditLimit": number % 5000,
            },
        )
    dataverse.add_user("Ann Person", "ann@example.com")


def main() -> None:
    """Serve until told to stop."""
    rows = int(sys.argv[1])
    bc = BusinessCentralState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    dataverse = DataverseState(base_currency="EUR")
    fill(company, dataverse, rows)
    human = dataverse.add_user("Bob Person", "bob@example.com")
    with (
        serve(create_business_central(bc), 0) as left,
        serve(create_dataverse(dataverse), 0) as right,
    ):
        print(json.dumps({"bc": left.url, "dataverse": right.url}), flush=True)
        for round_, line in enumerate(sys.stdin):
            answer: dict[str, object] = {}
            match line.split():
                case ["touch", "bc"]:
                    for row in company.rows("customers"):
                        company.update(
                            "customers", row["id"], {"phoneNumber": f"1-{round_}"}
                        )
                case ["touch", "dataverse"]:
                    for row in dataverse.rows("account"):
                        dataverse.edit_as(
                            human, "account", row["accountid"], {"fax": f"2-{round_}"}
                        )
                case ["counts"]:
                    answer = {
                        "bc": sum(bc.counters.requests.values()),
                        "dataverse": sum(dataverse.counters.requests.values()),
                    }
                case _:
                    return
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
