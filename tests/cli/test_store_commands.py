"""`errors` and `couplings` report from the store, without the services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import text

import cli.output
from tests.cli.conftest import document, sentence
from tieline.store import ErrorRow, Outcome, Store

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
COMPANY = "c0000000-0000-0000-0000-000000000001"


def bc(number: int) -> str:
    return f"b0000000-0000-0000-0000-{number:012}"


def dv(number: int) -> str:
    return f"d0000000-0000-0000-0000-{number:012}"


def an_error(number: int, direction: str, **values) -> ErrorRow:
    source = bc(number) if direction == "to-dataverse" else dv(number)
    return ErrorRow(
        company=COMPANY,
        mapping="CUSTOMER",
        direction=direction,
        source_id=source,
        code="TL-301",
        message="Waits.",
        attempts=2,
        first_at=NOW,
        at=NOW,
        **values,
    )


@pytest.fixture
def store(folder):
    """A store with three couplings of CUSTOMER and three errors of the company."""
    couplings = pd.DataFrame(
        {
            "bc_id": [bc(1), bc(2), bc(3)],
            "dataverse_id": [dv(1), dv(2), dv(3)],
            "bc_modified": pd.to_datetime([NOW, NOW, None], utc=True),
            "to_result": ["success", "failure", None],
            "skipped": [False, True, False],
        }
    )
    errors = [
        an_error(2, "to-dataverse", waiting_mapping="CURRENCY", waiting_key="DKK"),
        an_error(3, "from-dataverse", waiting_mapping="CONTACT", waiting_key=dv(9)),
        an_error(7, "to-dataverse", next_try=LATER),
    ]
    path = (folder / "store.sqlite").as_posix()
    with Store.open(f"sqlite:///{path}") as opened:
        opened.remember_environment(
            COMPANY, "http://bc", "http://dv", "org", company_name="CRONUS"
        )
        opened.save(
            Outcome(
                COMPANY,
                "CUSTOMER",
                "to-dataverse",
                at=NOW,
                couplings=couplings,
                errors=errors,
            )
        )
        yield opened


@pytest.mark.parametrize("company", ["", "cronus", COMPANY.upper(), f"{{{COMPANY}}}"])
def test_couplings(store, invoke, monkeypatch, company):
    """The rows of the company, by name in any case, by id, or the only one."""
    monkeypatch.setenv("TIELINE_BC__COMPANY", company)
    rows = document(invoke("couplings", "customer", "--json"))
    assert [
        {
            "bc_id": bc(1),
            "dataverse_id": dv(1),
            "bc_modified": "2026-01-02T03:04:05Z",
            "dataverse_modified": None,
            "to_result": "success",
            "from_result": None,
            "skipped": False,
            "waiting_for": None,
        }
    ] == rows[:1]
    assert ["CURRENCY DKK", f"CONTACT {dv(9)}"] == [
        row["waiting_for"] for row in rows[1:]
    ]
    assert rows[2]["bc_modified"] is None


def test_skipped_couplings(store, invoke):
    """Only those that runs leave out."""
    rows = document(invoke("couplings", "CUSTOMER", "--skipped", "--json"))
    assert [bc(2)] == [row["bc_id"] for row in rows]
    assert [] == document(invoke("couplings", "CURRENCY", "--json"))
    assert "3 couplings in all." in invoke("couplings", "CUSTOMER").stdout


def test_errors(store, invoke):
    """Who fails or waits, with the next try and the blocker."""
    rows = document(invoke("errors", "--json"))
    waiting = {row["source_id"]: row["waiting_for"] for row in rows}
    assert {bc(2): "CURRENCY DKK", dv(3): f"CONTACT {dv(9)}", bc(7): None} == waiting
    assert {
        "job": "CUSTOMER",
        "direction": "to-dataverse",
        "source_id": bc(7),
        "destination_id": None,
        "code": "TL-301",
        "message": "Waits.",
        "attempts": 2,
        "next_try": "2026-01-02T03:34:05Z",
        "waiting_for": None,
    } == next(row for row in rows if row["source_id"] == bc(7))
    assert [] == document(invoke("errors", "currency", "--json"))
    assert "CURRENCY DKK" in invoke("errors").stdout


@pytest.mark.parametrize("command", [["errors"], ["couplings", "CUSTOMER"]])
def test_before_the_first_run(invoke, monkeypatch, command):
    """An empty store has nothing to tell, whatever company is set."""
    monkeypatch.setenv("TIELINE_BC__COMPANY", "CRONUS")
    assert [] == document(invoke(*command, "--json"))
    assert 0 == invoke(*command).exit_code


def test_an_unknown_company(store, invoke, monkeypatch):
    """The companies that had runs are named."""
    monkeypatch.setenv("TIELINE_BC__COMPANY", "Nope")
    result = invoke("errors", "--json")
    assert (2, "TL-103") == (result.exit_code, document(result)["error"]["code"])
    assert "It knows CRONUS." in sentence(result)


def test_several_companies_need_a_choice(store, invoke):
    """Rows of two companies are never mixed."""
    store.remember_environment("c2", "http://bc", "http://dv", "org", company_name="B")
    result = invoke("couplings", "CUSTOMER")
    assert 2 == result.exit_code
    assert "The store holds several companies: B, CRONUS." in sentence(result)


def test_a_newer_store(store, invoke):
    """A store that a newer version wrote is left alone."""
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE tieline_version SET version_num = 'r9999'"))
    result = invoke("errors", "--json")
    assert (1, "TL-404") == (result.exit_code, document(result)["error"]["code"])
    assert "newer version" in sentence(result)


def test_a_list_in_pages_is_one_document(capfdbinary):
    """However many pages there are, and if there is none."""
    for pages, expected in (
        ([], b"[]\n"),
        ([[]], b"[]\n"),
        ([[1, 2], [], ["\u20ac"]], '[\n  1,\n  2,\n  "\u20ac"\n]\n'.encode()),
    ):
        cli.output.print_json_list(pages)
        assert expected == capfdbinary.readouterr().out
