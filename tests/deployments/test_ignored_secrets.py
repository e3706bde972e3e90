"""Files that the docs tell one to put secrets into never reach version control."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.deployments.conftest import ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(),
    reason="needs the repository",
)


def git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "path",
    [
        "deployments/.env",
        ".env",
        "production.env",
        "tieline.toml",
        "deployments/tieline.toml",
        "my-settings.yaml",
        "deployments/kubernetes/my-settings.yaml",
        "deployments/kubernetes/production.yaml",
    ],
)
def test_a_file_with_secrets_is_ignored(path: str) -> None:
    """Settings that somebody filled in stay on the machine."""
    assert [path] == git("check-ignore", "--no-index", path)


def test_no_file_of_the_repository_is_ignored() -> None:
    """What is tracked stays tracked when it changes."""
    assert [] == git("ls-files", "--cached", "--ignored", "--exclude-standard")
