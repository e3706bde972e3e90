"""The set-up takes schedules from tieline.toml and waits for its server."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from deployments.set_up import ROOT, main, wait_for, with_schedules
from tieline.errors import SettingsError
from tieline.schedule_settings import ScheduleSettings
from tieline.settings import load_settings

DECLARED = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
OWN = {"cron": "7 * * * *", "timezone": "UTC", "active": True}


def schedules(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (found,) = [item for item in result["deployments"] if item["name"] == name]
    return list(found["schedules"])


@pytest.mark.parametrize(
    ("name", "toml", "expected"),
    [
        ("CURRENCY", '"7 * * * *"', [OWN]),
        ("currency", '{ cron = "7 * * * *" }', [OWN]),
        (
            "CURRENCY",
            '{ cron = "7 * * * *", timezone = "Europe/Copenhagen" }',
            [OWN | {"timezone": "Europe/Copenhagen"}],
        ),
        (
            "CURRENCY",
            "false",
            [{"cron": "0,30 * * * *", "timezone": "UTC", "active": False}],
        ),
        (
            "SYNCHRONIZE",
            "true",
            [{"cron": "22,52 * * * *", "timezone": "UTC", "active": True}],
        ),
        ("FULL-SYNCHRONIZATION", '"7 * * * *"', [OWN]),
    ],
)
def test_a_schedule_of_the_file_counts(
    name: str, toml: str, expected: object, tmp_path, monkeypatch
) -> None:
    """It replaces, or switches, the one of prefect.yaml; the others stay."""
    path = tmp_path / "tieline.toml"
    path.write_text(f"[schedules]\n{name} = {toml}\n", encoding="utf-8")
    monkeypatch.setenv("TIELINE_CONFIG", str(path))
    result = with_schedules(DECLARED, load_settings().schedules)
    assert expected == schedules(result, name.upper())
    rest = [item["name"] for item in DECLARED["deployments"]]
    rest.remove(name.upper())
    for other in rest:
        assert schedules(DECLARED, other) == schedules(result, other)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CUSTOMERS", True, "which is no deployment"),
        ("FULL-SYNCHRONIZATION", True, "which has none"),
        ("CURRENCY", "every hour", "The schedule of CURRENCY"),
        ("CURRENCY", {"cron": "7 * * * *", "timezone": "Mars"}, "Mars"),
    ],
)
def test_a_schedule_that_is_none_is_refused(
    name: str, value: object, told: str
) -> None:
    """Before anything is deployed, by name."""
    wanted = {name: ScheduleSettings.model_validate(value)}
    with pytest.raises(SettingsError, match=told):
        with_schedules(DECLARED, wanted)


class Starting:
    """A server that answers at the third time of asking."""

    api_url = "http://127.0.0.1:4200/api"

    def __init__(self) -> None:
        self.asked = 0

    def api_healthcheck(self) -> Exception | None:
        self.asked += 1
        return None if self.asked > 2 else ConnectionError("refused")


def test_a_server_that_starts_is_waited_for() -> None:
    """It is asked again until it answers."""
    server, pauses = Starting(), list[float]()
    wait_for(server, pause=pauses.append)
    assert (3, [2, 2]) == (server.asked, pauses)


def test_a_server_that_never_answers_is_told() -> None:
    """The set-up ends with its address, and what to do."""
    with pytest.raises(SettingsError, match="4200/api does not answer"):
        wait_for(Starting(), limit_s=-1)


def test_a_mistake_is_told_once_with_what_to_do(tmp_path, monkeypatch, capsys) -> None:
    """One sentence, its advice, and status 2; nothing is deployed."""
    path = tmp_path / "tieline.toml"
    path.write_text("[schedules]\nCUSTOMERS = true\n", encoding="utf-8")
    monkeypatch.setenv("TIELINE_CONFIG", str(path))
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert (2, 1) == (ended.value.code, told.count("Name one of CURRENCY"))
