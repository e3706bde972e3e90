"""Containers are pinned, watched, shut off, and take settings from outside."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import prefect
import pytest

from tests.deployments.conftest import ROOT
from tests.deployments.pod_security import containers
from tests.deployments.test_schemas import COMPOSE, DOCUMENTS, PODS

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "version"
]
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if name != "database"}
IMAGES = {one["image"] for one in SERVICES.values()} | {
    container["image"] for pod in PODS.values() for container in containers(pod)
}
DOCKERFILE = (ROOT / "deployments/Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_images_are_pinned(image: str) -> None:
    """No image moves by itself; Tieline's carries the version of the project."""
    name, _, tag = image.partition(":")
    assert tag not in ("", "latest")
    if name == "tieline":
        assert VERSION == tag


@pytest.mark.parametrize("name", PODS)
def test_a_container_that_hangs_is_noticed(name: str) -> None:
    """What stays running has a liveness probe."""
    for container in PODS[name]["containers"]:
        assert "livenessProbe" in container, container["name"]


def test_a_worker_outlives_a_short_outage_of_its_server() -> None:
    """A probe that fails for want of Prefect ends no run within a quarter of an hour.

    The worker answers no when it could not ask for five minutes.
    """
    (worker,) = PODS["worker.yaml:Deployment:tieline-worker"]["containers"]
    probe = worker["livenessProbe"]
    assert 5 * 60 + probe["periodSeconds"] * probe["failureThreshold"] >= 15 * 60
    assert "--with-healthcheck" in DOCKERFILE


@pytest.mark.parametrize("name", PODS)
def test_settings_come_from_config_map_and_secret(name: str) -> None:
    """A new setting is a line in them; the pod's specification lists none."""
    for container in containers(PODS[name]):
        assert [] == container.get("env", [])
        kinds = [next(iter(source)) for source in container["envFrom"]]
        assert ["configMapRef", "secretRef"] == kinds


def test_a_configuration_file_is_mounted() -> None:
    """What the image's tieline.toml leads to is there if somebody mounts it."""
    assert "ln -s /etc/tieline/tieline.toml tieline.toml" in DOCKERFILE
    pod = PODS["worker.yaml:Deployment:tieline-worker"]
    (files,) = [volume for volume in pod["volumes"] if volume["name"] == "files"]
    sources = files["projected"]["sources"]
    assert all(value["optional"] for one in sources for value in one.values())
    for container in containers(pod):
        paths = {
            mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]
        }
        assert "/etc/tieline" == paths["files"], container["name"]
    for name in ("set-up", "worker", "receiver"):
        (mount,) = SERVICES[name]["volumes"]
        assert "/etc/tieline" == mount["target"]
        assert [{"path": ".env", "required": False}] == SERVICES[name]["env_file"]


@pytest.mark.parametrize("name", OURS)
def test_compose_confines_our_containers(name: str) -> None:
    """Their root is read-only, and nothing in them gains privileges."""
    assert OURS[name]["read_only"] is True
    assert ["/tmp"] == OURS[name]["tmpfs"]
    assert ["ALL"] == OURS[name]["cap_drop"]
    assert ["no-new-privileges:true"] == OURS[name]["security_opt"]


def test_nothing_is_written_outside_of_tmp() -> None:
    """Prefect's home and its pages, which it unpacks, lie where one can write."""
    for name in ("HOME", "PREFECT_HOME", "PREFECT_SERVER_UI_STATIC_DIRECTORY"):
        assert f" {name}=/tmp" in DOCKERFILE, name
    for pod in PODS.values():
        for container in containers(pod):
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert "/tmp" in paths


@pytest.mark.parametrize("name", SERVICES)
def test_published_ports_are_of_this_machine(name: str) -> None:
    """Compose publishes nothing to the network."""
    for port in SERVICES[name].get("ports", []):
        assert str(port).startswith("127.0.0.1:"), port


def _selects(policy: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = policy["spec"]["podSelector"].get("matchLabels", {})
    return wanted.items() <= labels.items()


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_shut_off(name: str) -> None:
    """A network policy covers each pod in both directions."""
    labels = DOCUMENTS[name]["spec"]["template"]["metadata"]["labels"]
    directions = {
        direction
        for item in DOCUMENTS.values()
        if item["kind"] == "NetworkPolicy" and _selects(item, labels)
        for direction in item["spec"]["policyTypes"]
    }
    assert {"Ingress", "Egress"} == directions


def test_the_way_to_the_server_is_open() -> None:
    """Both sides of the connection between worker and server let it pass."""
    worker = DOCUMENTS["worker.yaml:Deployment:tieline-worker"]
    labels = worker["spec"]["template"]["metadata"]["labels"]
    (rule,) = DOCUMENTS["network.yaml:NetworkPolicy:prefect"]["spec"]["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
    ports = [port["port"] for port in rule["ports"]]
    ours = DOCUMENTS["network.yaml:NetworkPolicy:tieline"]["spec"]["egress"]
    (out,) = [one for one in ours if "to" in one]
    assert ports == [port["port"] for port in out["ports"]] == [4200]


def test_the_pages_served_ask_no_host_outside() -> None:
    """Prefect's newer pages, which do, are neither shown nor in the image."""
    assert " PREFECT_SERVER_UI_V2_ENABLED=false" in DOCKERFILE
    assert "rm -r .venv/lib/python3.13/site-packages/prefect/server/ui-v2" in DOCKERFILE
    assert "FROM python:3.13-" in DOCKERFILE
    pages = Path(prefect.__ui_static_path__)
    assert pages != Path(prefect.__ui_v2_static_path__)
    assert Path(prefect.__ui_v2_static_path__).parts[-2:] == ("server", "ui-v2")
    scripts = [path.read_text(encoding="utf-8") for path in pages.rglob("*.js")]
    assert scripts
    assert [] == [one for one in scripts if ".amplitude.com" in one]
