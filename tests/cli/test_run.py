"""`run`, `log` and `errors --run`, through a real Prefect server."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import text

from tests.cli.conftest import document, sentence

COUNTERS = {
    "inserted": 0,
    "modified": 0,
    "unchanged": 0,
    "skipped": 0,
    "failed": 0,
    "deleted": 0,
    "coupled": 0,
    "uncoupled": 0,
}
TO = "to-dataverse"
COMMAND = [sys.executable, "-c", "from cli.main import main; main()"]
UNKNOWN_SALESPERSON = "The salesperson XX must be coupled"


@pytest.fixture
def customers(services, prefect_server):
    """A customer that can be sent, and one whose salesperson is coupled to nobody."""
    services.company.insert("salespeoplePurchasers", {"code": "XX"})
    good = services.company.insert("customers", {"displayName": "Adatum"})
    bad = services.company.insert(
        "customers", {"displayName": "Litware", "salespersonCode": "XX"}
    )
    return dict(good), dict(bad)


def test_a_run_and_what_is_told_of_it(customers, services, invoke, prefect_server):
    """One record fails alone: in the report, the status, the errors and the log."""
    _, bad = customers
    result = invoke("run", "customer", "--direction", TO, "--create-new", "--json")
    told = document(result)
    assert (3, "CompletedWithErrors") == (result.exit_code, told["state"])
    counted = {"direction": TO, **COUNTERS, "inserted": 1, "failed": 1}
    assert [counted] == told["directions"]
    (failure,) = told["errors"]
    assert (TO, bad["id"], None, "TL-301") == (
        failure["direction"],
        failure["source_id"],
        failure["destination_id"],
        failure["code"],
    )
    assert failure["message"].startswith(UNKNOWN_SALESPERSON)
    assert {"job", "flow_run_id", "state", "directions", "errors", "changes"} == set(
        told
    )

    (of_run,) = document(invoke("errors", "--run", told["flow_run_id"], "--json"))
    assert {**failure, "job": "CUSTOMER"} == {
        name: of_run[name] for name in (*failure, "job")
    }
    assert [] == document(
        invoke("errors", "CURRENCY", "--run", told["flow_run_id"], "--json")
    )
    (now,) = document(invoke("errors", "CUSTOMER", "--json"))
    assert "SALESPEOPLE XX" == now["waiting_for"]

    (logged,) = document(invoke("log", "CUSTOMER", "--limit", "1", "--json"))
    assert {
        "flow_run_id": told["flow_run_id"],
        "job": "CUSTOMER",
        "company": "CRONUS",
        "state": "CompletedWithErrors",
        "message": f"{TO}: 1 inserted, 1 failed; 1 waits",
        "directions": [counted],
    } == {k: v for k, v in logged.items() if k not in ("started", "finished")}
    assert logged["started"] < logged["finished"]


def test_a_dry_run_of_one_record(customers, services, invoke):
    """The changes are listed field by field, and nothing is written."""
    good, _ = customers
    arguments = ["--create-new", "--dry-run", "--record", good["number"]]
    result = invoke("run", "CUSTOMER", "--direction", TO, *arguments, "--json")
    told = document(result)
    assert (0, "Planned") == (result.exit_code, told["state"])
    assert [1] == [one["inserted"] for one in told["directions"]]
    (logged,) = document(invoke("log", "CUSTOMER", "--limit", "1", "--json"))
    assert ("Planned", "to-dataverse: would insert 1", []) == (
        logged["state"],
        logged["message"],
        logged["directions"],
    )
    (change,) = told["changes"]
    assert (TO, "insert", good["id"]) == (
        change["direction"],
        change["action"],
        change["source_id"],
    )
    assert {"field": "displayName", "from": None, "to": "Adatum"} in change["fields"]
    assert told["flow_run_id"] == told["plan_id"]
    assert [] == services.dataverse.rows("account")


def test_people_see_tables(customers, invoke):
    """Without --json, counters and failures are tables, and the log is one."""
    shown = invoke("run", "CUSTOMER", "--create-new")
    assert 3 == shown.exit_code
    assert "CUSTOMER CRONUS: CompletedWithErrors" in shown.stdout
    assert UNKNOWN_SALESPERSON in shown.stdout
    logged = invoke("log", "--limit", "1").stdout
    assert "1 inserted, 1 failed" in logged


def test_stdout_is_the_document_alone(customers, prefect_server):
    """Prefect's own output never gets in between: seen from another process."""
    done = subprocess.run(
        [*COMMAND, "run", "CURRENCY", "--json"],
        capture_output=True,
        env={**os.environ, "PREFECT_API_URL": prefect_server},
        check=False,
    )
    assert (0, "Completed") == (done.returncode, json.loads(done.stdout)["state"])
    assert b"" == done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "code", "exit_code"),
    [
        ("TIELINE_BC__COMPANY", "Nope", "TL-103", 2),
        ("TIELINE_DATAVERSE__URL", "https://example.invalid", "TL-101", 2),
    ],
)
def test_a_run_that_cannot_begin(
    services, invoke, prefect_server, monkeypatch, variable, value, code, exit_code
):
    """The document keeps its shape, the error tells why, and the log has the run."""
    monkeypatch.setenv(variable, value)
    result = invoke("run", "CURRENCY", "--json")
    told = document(result)
    assert (exit_code, "Failed", []) == (
        result.exit_code,
        told["state"],
        told["directions"],
    )
    assert {"code": code, "message": sentence(result)} == told["error"]
    (logged,) = document(invoke("log", "CURRENCY", "--limit", "1", "--json"))
    assert (told["flow_run_id"], "CURRENCY", "Failed", []) == (
        logged["flow_run_id"],
        logged["job"],
        logged["state"],
        logged["directions"],
    )


def test_a_store_of_a_newer_version(services, invoke, prefect_server):
    """Status 1, and neither side was touched."""
    with services.store() as store, store.engine.begin() as connection:
        connection.execute(text("UPDATE tieline_version SET version_num = 'r9999'"))
    result = invoke("run", "CURRENCY", "--json")
    assert (1, "TL-404") == (result.exit_code, document(result)["error"]["code"])


def test_a_missing_column(services, invoke, prefect_server, folder):
    """A job whose column is absent from the metadata says which; status 1."""
    (folder / "tieline.toml").write_text(
        '[[mappings.CUSTOMER.add_fields]]\nbc = "nowhere"\ndataverse = "fax"\n'
        "[mappings.CUSTOMER.fields]\nfaxNumber = false\n",
        encoding="utf-8",
    )
    result = invoke("run", "CUSTOMER", "--json")
    assert (1, "TL-402") == (result.exit_code, document(result)["error"]["code"])
    assert "nowhere of customers, which Business Central lacks" in sentence(result)


def test_an_unknown_run(invoke, prefect_server):
    """An id that no run of ours has is an argument that is wrong."""
    unknown = "00000000-0000-0000-0000-000000000001"
    for run_id in ("nonsense", unknown):
        result = invoke("errors", "--run", run_id, "--json")
        assert (2, "TL-105") == (result.exit_code, document(result)["error"]["code"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["NOPE"], "There is no job NOPE."),
        (["CURRENCY", "--direction", "from-dataverse"], "CURRENCY does not run from"),
        (["CUSTOMER", "--force"], "A forced run needs one direction."),
    ],
)
def test_wrong_arguments_start_nothing(services, invoke, arguments, expected):
    """They are refused before Prefect is asked for anything."""
    result = invoke("run", *arguments, "--json")
    told = document(result)
    assert (2, "", arguments[0]) == (
        result.exit_code,
        told["flow_run_id"],
        told["job"],
    )
    assert sentence(result).startswith(expected)
    assert "" == result.stderr.split("Error: ")[0]


def test_what_the_standard_api_lacks_is_said_on_the_terminal(
    services, invoke, prefect_server
):
    """One warning names the fields that are off; the job runs without them."""
    services.bc.companion = False
    result = invoke("run", "CUSTOMER", "--json")
    assert 0 == result.exit_code
    assert "error" not in document(result)
    (line,) = (text for text in result.stderr.splitlines() if "Warning: " in text)
    assert line.startswith("Warning: CUSTOMER: off, because the service does not offer")
    assert "faxNumber" in line
