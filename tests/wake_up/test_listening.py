"""The parts of `tieline listen` together: what it keeps, tells and shows."""

from __future__ import annotations

import pytest

from cli.listening import Listening
from emulator.business_central import subscriptions as bc_rules
from emulator.server import serve
from tests.world import World
from tieline.errors import SystemName
from tieline.settings import load_settings
from tieline.wake_up.waiting import Waiting


class Starter:
    """Stands for Prefect; notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[SystemName, bool]] = []
        self.companies: dict[str, str] = {}

    async def running(self) -> set[str]:
        return set()

    async def start(self, waiting: Waiting) -> None:
        raise AssertionError(waiting)

    async def tell(self, side: SystemName, trouble: str) -> None:
        self.told.append((side, bool(trouble)))


async def test_trouble_with_subscriptions_is_told_once_and_when_it_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each side for itself, in the log, in Prefect and to whoever asks for health."""
    monkeypatch.setattr(bc_rules, "PAUSE_S", 3600)
    monkeypatch.setenv("TIELINE_WAKE_UP__KEY", "k")
    monkeypatch.setenv("TIELINE_WAKE_UP__PUBLIC_URL", "http://127.0.0.1:9")
    settings = load_settings()
    away = Listening(settings)
    starter = away._starter = Starter()
    with serve(away.application()) as running:
        assert away._upkeep is not None
        for _ in range(2):
            await away._tried("bc", away._keep_bc(away._upkeep, anew=True))
            await away._tried("dataverse", away._keep_dataverse(away._upkeep))
        assert [("bc", True)] == starter.told
        assert "failing" == away.health()["subscriptions"]
        settings.wake_up.public_url = running.url
        here = Listening(settings)
        away._upkeep = here._upkeep
        assert away._upkeep is not None
        await away._tried("bc", away._keep_bc(away._upkeep, anew=True))
    assert [("bc", True), ("bc", False)] == starter.told
    assert ("ok", "ok") == (away.health()["status"], away.health()["subscriptions"])
    assert {world.company.id: "CRONUS"} == starter.companies
    world.bc.subscriptions.entries.clear()


def test_figures_are_those_of_the_store(world: World) -> None:
    """What `tieline status --prometheus` prints."""
    world.run("CUSTOMER")
    assert "tieline_last_run_timestamp_seconds" in Listening(load_settings()).metrics()
