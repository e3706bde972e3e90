"""`couple`, `uncouple` and `resolve`: what people decide about pairs."""

from __future__ import annotations

import pytest

from tests.cli.conftest import document, sentence

TO = "to-dataverse"
GUID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def both(services, ann):
    """A customer and an account that belong together; nobody knows yet."""
    customer = services.company.insert("customers", {"displayName": "Adatum"})
    body = {"name": "ADATUM", "customertypecode": 3}
    return customer, services.dataverse.insert("account", body, user=ann)


@pytest.fixture
def ann(services):
    """A user of Dataverse."""
    return services.dataverse.add_user("Ann Person", "ann@example.com")


def test_a_pair_from_its_coupling_to_its_end(both, services, invoke, prefect_server):
    """Coupled by number, forced one way, dissolved: each a run document."""
    customer, account = both
    pair = f"{customer['number']}={account}"
    told = document(invoke("couple", "customer", "--pair", pair, "--json"))
    assert ("CUSTOMER", "Completed") == (told["job"], told["state"])
    assert 1 == told["directions"][0]["coupled"]
    assert "ADATUM" == services.dataverse.row("account", account)["name"]
    coupled = document(invoke("couplings", "CUSTOMER", "--json"))
    assert [(customer["id"], account)] == [
        (row["bc_id"], row["dataverse_id"]) for row in coupled
    ]
    sent = invoke("resolve", "CUSTOMER", "send", "--record", account, "--json")
    assert 0 == sent.exit_code
    assert 1 == document(sent)["directions"][0]["modified"]
    assert "Adatum" == services.dataverse.row("account", account)["name"]
    gone = document(invoke("uncouple", "CUSTOMER", "--all", "--json"))
    assert 1 == gone["directions"][0]["uncoupled"]
    assert [] == document(invoke("couplings", "CUSTOMER", "--json"))


def test_matching_and_the_first_direction(both, services, invoke, prefect_server):
    """Equal names couple, and --sync brings the other side into line at once."""
    result = invoke("couple", "CUSTOMER", "--match", "displayName:1", "--sync", TO)
    assert 0 == result.exit_code
    assert "CUSTOMER CRONUS: Completed" in result.stdout
    assert "Adatum" == services.dataverse.row("account", both[1])["name"]


def test_a_side_that_is_gone(both, ann, services, invoke, prefect_server):
    """find-deleted names the pair, and delete takes what is left of it."""
    customer, account = both
    invoke("couple", "CUSTOMER", "--pair", f"{customer['id']}={account}")
    services.dataverse.delete_as(ann, "account", account)
    found = document(invoke("resolve", "CUSTOMER", "find-deleted", "--json"))
    assert 1 == found["directions"][0]["skipped"]
    (skipped,) = document(invoke("couplings", "CUSTOMER", "--skipped", "--json"))
    assert customer["id"] == skipped["bc_id"]
    told = document(invoke("resolve", "CUSTOMER", "delete", "--all", "--json"))
    assert 1 == told["directions"][0]["deleted"]
    assert [] == services.company.rows("customers")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["couple", "NOPE", "--pair", "1=2"], "There is no job NOPE."),
        (["couple", "CUSTOMER", "--pair", "10000"], "The pair 10000 is malformed."),
        (
            ["couple", "CUSTOMER", "--pair", f"1={GUID}", "--match", "email"],
            "--pair and --match exclude each other.",
        ),
        (
            ["couple", "CUSTOMER", "--pair", f"1={GUID}", "--create-new"],
            "--pair and --create-new exclude each other.",
        ),
        (["couple", "CUSTOMER"], "CUSTOMER has no field to match by."),
        (["couple", "CUSTOMER", "--match", "email:x"], "The match criterion email:x"),
        (["couple", "CUSTOMER", "--match", "hue"], "CUSTOMER has no field hue"),
        (
            ["couple", "CURRENCY", "--match", "code", "--sync", "from-dataverse"],
            "CURRENCY does not run from-dataverse.",
        ),
        (
            ["couple", "SALESPEOPLE", "--match", "email", "--create-new"],
            "SALESPEOPLE never creates records in Dataverse.",
        ),
        (["uncouple", "CUSTOMER"], "Name the records, or say that all are meant."),
        (
            ["uncouple", "CUSTOMER", "--record", GUID, "--all"],
            "Name the records, or say that all are meant.",
        ),
        (["resolve", "CUSTOMER", "retry"], "Name the records, or say that all"),
        (
            ["resolve", "CUSTOMER", "find-deleted", "--all"],
            "find-deleted always looks at all couplings.",
        ),
        (
            ["resolve", "CURRENCY", "get", "--all"],
            "CURRENCY does not run from-dataverse.",
        ),
    ],
)
def test_what_makes_no_sense_starts_nothing(services, invoke, arguments, expected):
    """Wrong combinations are refused before Prefect is asked for anything."""
    result = invoke(*arguments, "--json")
    told = document(result)
    assert (2, "TL-101", "") == (
        result.exit_code,
        told["error"]["code"],
        told["flow_run_id"],
    )
    assert sentence(result).startswith(expected)
    assert "" == result.stderr.split("Error: ")[0]
