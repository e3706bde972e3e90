"""Manifests and compose file have the shape that their tools demand."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deployments.conftest import ROOT
from tests.deployments.pod_security import violations

DEPLOYMENTS = ROOT / "deployments"
KUBERNETES = ["1.30", "1.33", "1.36"]
DOCUMENTS = {
    f"{path.name}:{item['kind']}:{item['metadata']['name']}": item
    for path in sorted((DEPLOYMENTS / "kubernetes").glob("*.yaml"))
    for item in yaml.safe_load_all(path.read_text(encoding="utf-8"))
}
PODS = {
    name: item["spec"]["template"]["spec"]
    for name, item in DOCUMENTS.items()
    if item["kind"] == "Deployment"
}
COMPOSE = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose_schema() -> Any:
    """The schema of the Compose specification."""
    path = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_manifests_fit_their_schema(name: str, version: str) -> None:
    """Old and new clusters know every key, of the right type."""
    kubernetes_validate.validate(DOCUMENTS[name], version, strict=True)


def test_a_misspelt_key_is_found() -> None:
    """The schemas refuse what is not in them."""
    item = copy.deepcopy(DOCUMENTS["worker.yaml:Deployment:tieline-worker"])
    item["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="livenessprobe"):
        kubernetes_validate.validate(item, KUBERNETES[-1], strict=True)


def test_the_compose_file_fits_its_schema(compose_schema: Any) -> None:
    """Compose knows every key; one that is misspelt is found."""
    jsonschema.validate(COMPOSE, compose_schema)
    broken = copy.deepcopy(COMPOSE)
    broken["services"]["worker"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        jsonschema.validate(broken, compose_schema)


@pytest.mark.parametrize("name", PODS)
def test_pods_are_restricted(name: str) -> None:
    """Each pod passes Pod Security "restricted", with a root that is read-only."""
    pod = PODS[name]
    assert set() == violations(pod)
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False


CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({}, set()),
        ({"hostNetwork": True}, {"host namespaces"}),
        ({"hostPID": True}, {"host namespaces"}),
        ({"volumes": [{"name": "a", "emptyDir": {}}]}, set()),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, {"volume types"}),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, {"sysctls"}),
    ],
)
def test_rules_of_a_pod(pod: dict[str, Any], expected: set[str]) -> None:
    """What "restricted" asks of a pod as a whole."""
    fine = {"containers": [{"securityContext": CONFINED}]}
    assert expected == violations(fine | pod)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, set()),
        ({"privileged": True}, {"not privileged"}),
        ({"allowPrivilegeEscalation": None}, {"no escalation"}),
        ({"runAsNonRoot": False}, {"not root"}),
        ({"runAsUser": 0}, {"no root id"}),
        ({"seccompProfile": {"type": "Unconfined"}}, {"seccomp"}),
        ({"capabilities": {}}, {"capabilities dropped"}),
        (
            {"capabilities": {"drop": ["ALL"], "add": ["SYS_TIME"]}},
            {"capabilities added"},
        ),
        ({"procMount": "Unmasked"}, {"proc mount"}),
    ],
)
@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_rules_of_a_container(
    kind: str, changed: dict[str, Any], expected: set[str]
) -> None:
    """What it asks of each container, those that prepare the pod included."""
    assert expected == violations({kind: [{"securityContext": CONFINED | changed}]})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"ports": [{"containerPort": 1, "hostPort": 1}]}, {"host ports"}),
        ({"livenessProbe": {"httpGet": {"host": "a", "port": 1}}}, {"probe hosts"}),
        (
            {"lifecycle": {"preStop": {"tcpSocket": {"host": "a", "port": 1}}}},
            {"probe hosts"},
        ),
    ],
)
def test_rules_beside_the_security_context(
    changed: dict[str, Any], expected: set[str]
) -> None:
    """Ports of the host and probes of other hosts are refused as well."""
    container = {"securityContext": CONFINED} | changed
    assert expected == violations({"containers": [container]})


def test_a_container_may_lean_on_its_pod() -> None:
    """User and seccomp profile may be said once for the whole pod."""
    own = {key: CONFINED[key] for key in ("allowPrivilegeEscalation", "capabilities")}
    shared = {key: CONFINED[key] for key in ("runAsNonRoot", "seccompProfile")}
    pod = {"containers": [{"securityContext": own}], "securityContext": shared}
    assert set() == violations(pod)
