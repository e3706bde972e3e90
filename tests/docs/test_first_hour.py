"""The first hour, typed as it is written, against both services with all guards up."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import tieline
from emulator.business_central import create_business_central
from emulator.dataverse import create_dataverse
from emulator.sample import COMPANY, sample_services
from tests.security.test_roles import granted
from tests.world import Ground

PAGE = Path(__file__).resolve().parents[2] / "docs/first_hour.md"
DRY = "--dry-run"


def typed() -> list[list[str]]:
    """Return the commands of the page, in its order."""
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [
        shlex.split(line.removeprefix("tieline "))
        for line in lines
        if line.startswith("tieline ")
    ]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_commands_work_in_their_order(
    base: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: str
) -> None:
    """None fails but for records of the sample; dry ones write nothing."""
    for name in list(os.environ):
        if name.startswith("TIELINE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    bc, dataverse = sample_services(customers=12)
    bc.permissions.given = granted()
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dataverse)
    store = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    for name, value in {
        "BC__URL": base.bc_url,
        "BC__COMPANY": COMPANY,
        "DATAVERSE__URL": base.dataverse_url,
        "STORE__URL": store,
    }.items():
        monkeypatch.setenv(f"TIELINE_{name}", value)
    commands = typed()
    assert ["check"] == commands[0]
    assert ["couple", "CUSTOMER"] in [one[:2] for one in commands]
    written = bc.counters.written, dataverse.counters.written
    for command in commands:
        before = sum(one.total() for one in written)
        result = CliRunner().invoke(tieline, command)
        assert result.exit_code in (0, 3), (command, result.output)
        assert "TL-207" not in result.output, command
        if DRY in command or command[0] in ("check", "couple", "couplings"):
            assert before == sum(one.total() for one in written), command
    assert sum(one.total() for one in written) > 0
