"""Both emulated services in a process of their own, for measuring clients.

Reads one command per line: `touch bc` and `touch dataverse` change every customer
or account as another user would; `counts` prints how many requests came in;
`stop` ends. Prints one JSON line per command.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date
from pathlib import Path

import trustme

from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.dataverse import DataverseState, create_dataverse
from emulator.server import Certificate, serve

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


def certificate(folder: Path) -> Certificate:
    """Make a certificate of this machine; ca.pem beside it says who signed it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, key = folder / "chain.pem", folder / "key.pem"
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(chain), append=number > 0)
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Certificate(chain, key)


def main() -> None:
    """Serve until told to stop."""
    with tempfile.TemporaryDirectory() as folder:
        answer_commands(Path(folder))


def answer_commands(folder: Path) -> None:
    """Serve both services, Dataverse over https too, and do what stdin says."""
    rows = int(sys.argv[1])
    bc = BusinessCentralState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    dataverse = DataverseState(base_currency="EUR")
    fill(company, dataverse, rows)
    human = dataverse.add_user("Bob Person", "bob@example.com")
    app = create_dataverse(dataverse)
    with (
        serve(create_business_central(bc), 0) as left,
        serve(app, 0) as right,
        serve(app, 0, certificate=certificate(folder)) as tls,
    ):
        roots = {
            "bc": left.url,
            "dataverse": right.url,
            "tls": tls.url,
            "ca": str(folder / "ca.pem"),
        }
        print(json.dumps(roots), flush=True)
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
