"""The demo shows what it promises and leaves the user's own things alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import httpx
import pytest

from cli.demo_edits import edit_both_sides
from cli.demo_ground import PrefectServer, environment, free_port, own_folder
from emulator.sample import sample_services
from tieline.errors import RunError

MAIN = "from cli.main import main; main()"
HOSTILE_SETTINGS = {
    "TIELINE_BC__URL": "http://127.0.0.1:9",
    "TIELINE_BC__CLIENT_ID": "real",
    "TIELINE_STORE__URL": "sqlite:////nowhere/at/all.sqlite",
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
    "PREFECT_API_KEY": "real",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Run `tieline demo --json` once, where everything else is set for real use."""
    where = tmp_path_factory.mktemp("cwd")
    (where / "tieline.toml").write_text("this is = = not TOML", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "demo", "--json"],
        cwd=where,
        env={**os.environ, **HOSTILE_SETTINGS, "TMPDIR": str(where)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout), done.stderr, where


def test_every_coupled_customer_is_equal_at_the_end(played):
    """After the second round both sides agree on all coupled customers."""
    verified = played[0]["verified"]
    assert [] == verified["different"]
    assert 300 < verified["equal"]


def test_the_record_without_its_blocker_fails_alone(played):
    """The unknown salesperson stops one new customer, and says why."""
    reasons = [
        error["message"]
        for run in played[0]["runs"]
        if run["step"] == "round 2"
        for error in run["errors"]
        if error["code"] == "TL-301" and run["job"] == "CUSTOMER"
    ]
    assert 1 == len(reasons)
    assert "NEW HIRE" in reasons[0]


def test_both_rounds_run_every_job(played):
    """Each job of the first round runs again in the second."""
    jobs = {
        step: [run["job"] for run in played[0]["runs"] if run["step"] == step]
        for step in ("round 1", "round 2")
    }
    assert ["CURRENCY", "SALESPEOPLE"] == jobs["round 1"][:2]
    assert jobs["round 1"] == jobs["round 2"]


def test_the_sync_log_has_every_run(played):
    """None of the demo's runs is missing, the first included."""
    ran = [run["flow_run_id"] for run in played[0]["runs"]]
    logged = [run["flow_run_id"] for run in played[0]["log"]]
    assert ran == [id_ for id_ in logged if id_ in ran]
    assert 1 == len(set(logged) - set(ran)), "the comparison at the end"


def test_progress_is_told_and_nothing_is_left(played):
    """stderr says what goes on; the temporary folder is gone."""
    _, told, where = played
    assert "Round 2" in told
    assert [] == list(where.glob("tieline-demo-*"))


def test_edits_change_what_they_say():
    """Both services hold the edits of the demo afterwards."""
    bc, dataverse = sample_services(customers=30, flaws=False)
    accounts = {row["name"].casefold(): row for row in dataverse.rows("account")}
    coupled = {
        row["id"]: accounts[row["displayName"].casefold()]["accountid"]
        for row in bc.company().rows("customers")
        if row["displayName"].casefold() in accounts
    }
    edits = edit_both_sides(bc, dataverse, coupled)
    contested = bc.company().row("customers", edits.contested)
    account = dataverse.row("account", coupled[edits.contested])
    assert "bc@contested.example" == contested["email"]
    assert "sales@contested.example" == account["emailaddress1"]
    assert 7 == len(edits.sentences)
    names = [row["name"] for row in dataverse.rows("account")]
    assert 1 == names.count("Late Arrival Ltd.")


def test_the_environment_comes_back(monkeypatch):
    """The user's settings are out of reach inside, and as before afterwards."""
    monkeypatch.setenv("TIELINE_BC__CLIENT_ID", "real")
    with environment({"TIELINE_BC__URL": "http://127.0.0.1:1"}, debug=False):
        assert "TIELINE_BC__CLIENT_ID" not in os.environ
        assert "http://127.0.0.1:1" == os.environ["TIELINE_BC__URL"]
    assert "real" == os.environ["TIELINE_BC__CLIENT_ID"]
    assert "http://127.0.0.1:1" != os.environ.get("TIELINE_BC__URL")


def test_a_prefect_server_that_ends_is_reported(tmp_path, monkeypatch):
    """A server that cannot start is one sentence, not a long wait."""
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "no number")
    server = PrefectServer(free_port(), tmp_path / "log", keeps=False)
    try:
        with pytest.raises(RunError, match="did not start"):
            server.wait()
    finally:
        server.stop()


def test_the_folder_goes_with_the_block():
    """The demo's folder exists inside the block only."""
    with own_folder() as folder:
        (folder / "file").write_text("x", encoding="utf-8")
        assert folder.is_dir()
    assert not folder.exists()


def test_a_free_port_is_free():
    """Nobody answers on the port that the server is to take."""
    port = free_port()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
