"""The container files name settings that exist and files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import prefect.settings
import pytest
import yaml
from pydantic import BaseModel

from tests.deployments.conftest import ROOT
from tieline.settings import Settings

DEPLOYMENTS = ROOT / "deployments"
FILES = [
    DEPLOYMENTS / "Dockerfile",
    DEPLOYMENTS / "compose.yaml",
    *sorted((DEPLOYMENTS / "kubernetes").glob("*.yaml")),
]
NAME = re.compile(r"\b((?:PREFECT|TIELINE)_[A-Z_]+)[:=]")


def named(path: Path) -> set[str]:
    return set(NAME.findall(path.read_text(encoding="utf-8")))


def our_names(model: type[BaseModel], prefix: str) -> set[str]:
    """Return every environment variable that a settings model reads."""
    names = set()
    for key, field in model.model_fields.items():
        name = f"{prefix}{key.upper()}"
        if isinstance(field.annotation, type) and issubclass(
            field.annotation, BaseModel
        ):
            names |= our_names(field.annotation, f"{name}__")
        names.add(name)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_exist(path: Path) -> None:
    """A misspelt variable would be ignored in silence, so none is."""
    unknown = named(path) - our_names(Settings, "TIELINE_")
    assert [] == [name for name in unknown if not hasattr(prefect.settings, name)]


def test_files_of_the_image_exist() -> None:
    """What the image copies is there, and is not kept out by .dockerignore."""
    text = (DEPLOYMENTS / "Dockerfile").read_text(encoding="utf-8")
    kept = {
        line.removeprefix("!").partition("/")[0]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in kept, source


def test_the_image_can_set_up() -> None:
    """The files that the set-up reads are in the image."""
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in ("deployments/set_up.py", "deployments/automations.yaml"):
        assert f"!{name}" in kept
        assert (ROOT / name).is_file()


def test_manifests_hold_together() -> None:
    """Each config map and secret that a pod reads is one of settings.yaml."""
    documents = [
        document
        for path in sorted((DEPLOYMENTS / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    made = {(item["kind"], item["metadata"]["name"]) for item in documents}
    pods = [
        item["spec"]["template"]["spec"]
        for item in documents
        if item["kind"] == "Deployment"
    ]
    assert 3 == len(pods)
    for pod in pods:
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            for source in container["envFrom"]:
                ((kind, reference),) = source.items()
                wanted = {"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind]
                assert (wanted, reference["name"]) in made


def test_compose_starts_in_order() -> None:
    """The worker waits for the set-up, that for the server, that for the database."""
    text = (DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    chain = ["worker"]
    while waits := list(services[chain[-1]].get("depends_on", {})):
        chain += waits
    assert ["worker", "set-up", "prefect", "database"] == chain
