"""What Pod Security "restricted" refuses, as a table over a pod's specification.

The rules are those of the Kubernetes standard of this name, for Linux pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Spec = dict[str, Any]

VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
HOOKS = ("startupProbe", "readinessProbe", "livenessProbe")


def containers(pod: Spec) -> list[Spec]:
    """Return all containers of a pod, those that prepare it included."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [container for kind in kinds for container in pod.get(kind, [])]


def _own(container: Spec) -> Spec:
    return dict(container.get("securityContext") or {})


def _in_force(pod: Spec, container: Spec, key: str) -> Any:
    """Return what holds for a container: its own word, else the pod's."""
    return _own(container).get(key, (pod.get("securityContext") or {}).get(key))


def _handlers(container: Spec) -> Iterator[Spec]:
    lifecycle = container.get("lifecycle") or {}
    for handler in [*(container.get(name) for name in HOOKS), *lifecycle.values()]:
        for kind in ("httpGet", "tcpSocket"):
            yield (handler or {}).get(kind) or {}


POD_RULES: dict[str, Callable[[Spec], bool]] = {
    "host namespaces": lambda pod: (
        not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    ),
    "volume types": lambda pod: all(
        set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", [])
    ),
    "sysctls": lambda pod: (
        {item["name"] for item in (pod.get("securityContext") or {}).get("sysctls", [])}
        <= SYSCTLS
    ),
}

CONTAINER_RULES: dict[str, Callable[[Spec, Spec], bool]] = {
    "not privileged": lambda _, one: not _own(one).get("privileged"),
    "no escalation": lambda _, one: _own(one).get("allowPrivilegeEscalation") is False,
    "not root": lambda pod, one: _in_force(pod, one, "runAsNonRoot") is True,
    "no root id": lambda pod, one: _in_force(pod, one, "runAsUser") != 0,
    "seccomp": lambda pod, one: (
        (_in_force(pod, one, "seccompProfile") or {}).get("type")
        in ("RuntimeDefault", "Localhost")
    ),
    "capabilities dropped": lambda _, one: (
        "ALL" in _own(one).get("capabilities", {}).get("drop", [])
    ),
    "capabilities added": lambda _, one: (
        set(_own(one).get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"}
    ),
    "proc mount": lambda _, one: _own(one).get("procMount", "Default") == "Default",
    "host ports": lambda _, one: (
        not any(port.get("hostPort") for port in one.get("ports", []))
    ),
    "probe hosts": lambda _, one: not any(kind.get("host") for kind in _handlers(one)),
}


def violations(pod: Spec) -> set[str]:
    """Return the rules that a pod's specification breaks."""
    broken = {name for name, holds in POD_RULES.items() if not holds(pod)}
    for container in containers(pod):
        broken |= {
            name for name, holds in CONTAINER_RULES.items() if not holds(pod, container)
        }
    return broken
