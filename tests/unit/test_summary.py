"""The page on top of a run, and the keys that tell companies apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tasks import overview
from tasks.artifact_keys import artifact_key, name_company, short_name
from tasks.summary import Held, advice, held_records, page
from tests.store.samples import COMPANY, bc, error, outcome
from tieline.report import Counters, JobReport, RecordFailure, Standing
from tieline.store import Store

TO = "to-dataverse"
ID = "c0000000-0000-0000-0000-000000000001"


def held(number, message="No.", *, waits=False, code="TL-307", job="CUSTOMER"):
    """A record that does not go through."""
    return Held(job, TO, bc(number), f"C{number}", code, message, waits)


def told(report, found=(), **values):
    """The lines of a run's page."""
    values = {"state": "Completed", "message": "", "held": found} | values
    return page(report, **values).splitlines()


def test_counters_without_zeros_failures_first():
    """The decisive column is the first one; what is nowhere counted is left out."""
    report = JobReport("CUSTOMER", directions={TO: Counters(inserted=2, failed=1)})
    lines = told(report, message="to-dataverse: 2 inserted")
    assert "**Completed**: to-dataverse: 2 inserted." == lines[0]
    assert ["| direction | failed | inserted |", "| to-dataverse | 1 | 2 |"] == [
        lines[2],
        lines[4],
    ]
    assert ["### What to do", "", "Nothing."] == lines[-3:]


def test_failures_are_grouped_by_reason_the_largest_first():
    """What a service adds makes no reason of its own; waiting ones stand apart."""
    found = [held(1, "Too long."), held(2), held(3, "No. CorrelationId: x1")]
    found += [held(4, "Waits.", waits=True, code="TL-301")]
    lines = told(JobReport("CUSTOMER"), found)
    rows = [line for line in lines if line.startswith("| ") and "TL-" in line]
    assert [
        f"| 2 | TL-307 | No. | C2 {bc(2)} |",
        f"| 1 | TL-307 | Too long. | C1 {bc(1)} |",
        f"| 1 | TL-301 | Waits. | C4 {bc(4)} |",
    ] == rows
    assert lines.index("### What fails") < lines.index("### What waits")


def test_an_example_links_to_its_record():
    """As far as the service has pages to link to."""
    lines = told(JobReport("CUSTOMER"), [held(1)], link=lambda _: "[1](http://x)")
    assert "| 1 | TL-307 | No. | C1 [1](http://x) |" in lines


def test_a_run_that_broke_says_why_and_what_to_do():
    """Code and sentence once, then the way on."""
    report = JobReport("CUSTOMER", error_code="TL-202")
    lines = told(report, state="Failed", message="TL-202: Dataverse is away.")
    assert "**Failed**, TL-202: Dataverse is away." == lines[0]
    assert "TL-202 is explained in `docs/errors.md`" in lines[-1]


@pytest.mark.parametrize(
    ("report", "found", "words"),
    [
        (JobReport("CUSTOMER"), [], []),
        (JobReport("CUSTOMER"), [held(1)], ["errors CUSTOMER`"]),
        (JobReport("CUSTOMER"), [held(1, waits=True)], ["goes through by itself"]),
        (JobReport("CUSTOMER", plan_id="p"), [held(1)], ["tieline apply p`"]),
        (
            JobReport("CUSTOMER", standing=Standing(0, 1, 2, 3)),
            [],
            ["errors CUSTOMER`", "--skipped`", "--create-new`"],
        ),
    ],
)
def test_what_to_do(report, found, words):
    """One line for each thing, the most urgent first."""
    lines = advice(report, found)
    assert [True] * len(words) == [
        word in line for word, line in zip(words, lines, strict=True)
    ]


def test_a_whole_run_shows_what_the_store_says_now(tmp_path):
    """Failures of earlier runs too; a run of some records shows its own."""
    own = RecordFailure(TO, bc(9), None, "TL-307", "No.")
    line = RecordFailure(TO, bc(8), None, "TL-307", "No.", "SALESPRC-PRODUCTPRICE")
    report = JobReport("CUSTOMER", errors=[own, line])
    with Store.open(f"sqlite:///{tmp_path / 's.sqlite'}") as store:
        store.save(outcome(errors=[error(bc(1), source_key="C1")]))
        found, is_all = held_records(report, store, COMPANY)
        assert ([bc(1), bc(8)], True) == ([one.id for one in found], is_all)
        report.are_named = True
        assert [bc(9), bc(8)] == [
            one.id for one in held_records(report, store, COMPANY)[0]
        ]


@pytest.mark.parametrize(
    ("configured", "key"),
    [
        ("", "customer-errors"),
        ("fabrikam Inc", "customer-errors"),
        (f"{{{ID.upper()}}}", "customer-errors"),
        ("Old name", "customer-errors"),
        ("CRONUS", "customer-fabrikam-inc-errors"),
    ],
)
def test_only_other_companies_are_in_the_key(configured, key):
    """The one in the settings keeps the keys that everybody knows."""
    session = SimpleNamespace(
        settings=SimpleNamespace(bc=SimpleNamespace(company=configured)),
        company_name="Fabrikam Inc",
        company_id=ID,
        bc=SimpleNamespace(company_meant_as="Old name"),
    )
    report = JobReport("CUSTOMER")
    name_company(report, session)
    assert key == artifact_key(report, "errors")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Fabrikam", "fabrikam"),
        ("A & B", "a-b-c0000000"),
        ("Ærø Øl", "r-l-c0000000"),
        ("东京", "c0000000"),
    ],
)
def test_short_names_keep_companies_apart(name, short):
    """Prefect's keys have lower-case letters, digits and dashes only."""
    assert short == short_name(name, ID)


def test_records_that_fail_for_more_than_a_day_are_an_event(tmp_path, monkeypatch):
    """Waiting ones and new ones are not; without any there is no event."""
    told = []
    monkeypatch.setattr(overview, "emit_event", lambda *a, **k: told.append((a, k)))
    now = datetime.now(UTC)
    old = {"at": now, "first_at": now - timedelta(hours=25)}
    report = JobReport("CUSTOMER", company="CRONUS")
    with Store.open(f"sqlite:///{tmp_path / 's.sqlite'}") as store:
        new = error(bc(1), at=now, first_at=now - timedelta(hours=23))
        waits = error(bc(2), **old, waiting_mapping="CURRENCY", waiting_key="DKK")
        store.save(outcome(errors=[new, waits]))
        overview.tell_long_failures(store, COMPANY, report)
        assert [] == told
        store.save(outcome(errors=[error(bc(3), **old)]))
        overview.tell_long_failures(store, COMPANY, report)
    ((name,), values) = told[0]
    assert ("tieline.failing-for-a-day", 1) == (name, values["payload"]["records"])
    resource = f"tieline.job.{COMPANY}.CUSTOMER"
    assert resource == values["resource"]["prefect.resource.id"]
