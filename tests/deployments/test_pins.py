"""The two places that hold versions agree, name no place, and fit the bounds."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deployments.conftest import ROOT

PIN = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ;@/]+( ; [^/:@]+)?")
PYTHONS = ["3.11.0", "3.11.9", "3.12.0", "3.13.0", "3.14.0"]
SYSTEMS = [("linux", "Linux"), ("darwin", "Darwin"), ("win32", "Windows")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins() -> list[str]:
    """The lines of constraints.txt."""
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_both_places_agree(project: dict[str, Any], pins: list[str]) -> None:
    """uv and pip install the same versions: deployments/pin.py wrote both."""
    assert project["tool"]["uv"]["constraint-dependencies"] == pins


def test_nothing_but_names_and_versions(pins: list[str]) -> None:
    """A pin names no address, path or index."""
    assert [] == [pin for pin in pins if not PIN.fullmatch(pin)]


def in_force(pins: list[str], python: str, system: tuple[str, str]) -> dict[str, str]:
    """Return the version of each package on one Python and system."""
    environment = {
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": system[0],
        "platform_system": system[1],
        "platform_python_implementation": "CPython",
    }
    held: dict[str, str] = {}
    for requirement in map(Requirement, pins):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in held, f"{name} is held twice on {python}"
            held[name] = str(requirement.specifier).removeprefix("==")
    return held


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system[1])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_held_within_its_bounds(
    project: dict[str, Any], pins: list[str], python: str, system: tuple[str, str]
) -> None:
    """On each Python and system, each dependency has one version, which fits."""
    held = in_force(pins, python, system)
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for requirement in map(Requirement, asked):
        marker = requirement.marker
        if marker and not marker.evaluate(
            {"python_version": python.rpartition(".")[0]}
        ):
            continue
        version = held[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement
