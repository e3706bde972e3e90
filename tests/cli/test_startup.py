"""What a command loads before it answers: no more than the answer needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.cli.conftest import Services
from tests.store.samples import COMPANY, bc, couple, error, outcome
from tieline.store import Store

HEAVY = {"prefect", "pandas", "sqlalchemy", "flows", "tasks"}

LOADED = """
import sys
import click.testing
from cli.main import tieline

def loaded(*arguments):
    result = click.testing.CliRunner().invoke(tieline, arguments)
    assert result.exit_code == 0, result.output
    names = {"prefect", "pandas", "sqlalchemy", "alembic", "flows", "tasks"}
    names = sorted({*names, "prefect.server"} & set(sys.modules))
    print(*arguments, *(f"!{name}" for name in names))
"""


def _python(code: str, **variables: str) -> list[str]:
    """Run code in a process of its own, and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def _loaded(*commands: list[str]) -> list[str]:
    """Return a line for each command: itself, and the heavy modules then loaded."""
    return _python(f"{LOADED}\nfor one in {commands!r}: loaded(*one)")


def test_help_and_version_load_nothing_heavy():
    """Every `--help` and the version answer without Prefect, pandas, SQLAlchemy."""
    asked = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    assert [" ".join(one) for one in asked] == _loaded(*asked)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tieline ", sorted(COMMANDS)),
        ("tieline run --update-conflict ", ["none", "send", "get", "merge"]),
    ],
)
def test_completion_loads_nothing_heavy(words, found):
    """A shell asks at each press of the key; commands and choices are offered."""
    code = (
        "import sys\n"
        "from cli.main import main\n"
        "try:\n    main()\n"
        f"finally: print(*({HEAVY!r} & set(sys.modules)))"
    )
    lines = _python(
        code,
        _TIELINE_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split())),
    )
    assert [f"plain,{one}" for one in found] + [""] == lines


def test_what_the_store_answers_needs_only_the_store():
    """`errors` and `couplings` read the store and load what reads it, no more."""
    with Store.open(os.environ["TIELINE_STORE__URL"]) as store:
        store.remember_environment(COMPANY, "http://bc", "http://dv", "org")
        couple(store, 1, skipped=True)
        store.save(outcome(errors=[error(bc(1))]))
    asked = [["errors"], ["errors", "CONTACT", "--skipped"], ["couplings", "CUSTOMER"]]
    for line in _loaded(*asked):
        loaded = {word for word in line.split() if word.startswith("!")}
        assert {"!sqlalchemy"} == loaded


def test_what_overrides_need_is_not_prefects_server(folder: Path):
    """Overrides are checked against the mappings, which know Prefect's client only."""
    text = "[mappings.CUSTOMER]\nsynch_only_coupled = false\n"
    (folder / "tieline.toml").write_text(text, encoding="utf-8")
    for line in _loaded(["errors"], ["mappings", "CUSTOMER", "--json"]):
        assert "!flows" in line.split()
        assert "!prefect.server" not in line.split()


def test_explaining_needs_no_prefect_server(services: Services):
    """`explain` reads both services and the store, and runs no flow."""
    row = services.company.insert("customers", {"displayName": "Ada"})
    (line,) = _loaded(["explain", "CUSTOMER", row["number"]])
    assert "!flows" in line.split()
    assert "!prefect.server" not in line.split()
