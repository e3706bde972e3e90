"""A setting may name a secret instead of holding it: a block, or one in a vault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from prefect.blocks.system import Secret
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.server import Certificate, serve
from tasks.secret_blocks import read_block
from tieline import secret_sources
from tieline.errors import SettingsError
from tieline.key_vault import read_secret
from tieline.secret_sources import register, resolve
from tieline.service_settings import secret_in
from tieline.settings import load_settings


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A source of the tests, and nothing remembered."""
    kept = {"a": "first"}
    monkeypatch.setattr(secret_sources, "_known", {})
    monkeypatch.setattr(secret_sources, "_readers", dict(secret_sources._readers))

    def read(name: str) -> str:
        if name not in kept:
            msg = f"no {name} here"
            raise ValueError(msg)
        return kept[name]

    register("kept", read)
    return kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("kept:a", "first"),
        ("kept: a", "first"),
        ("plain", "plain"),
        ("elsewhere:a", "elsewhere:a"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("", ""),
    ],
)
def test_only_a_reference_is_looked_up(value: str, expected: str) -> None:
    """A secret that merely looks a little like one is a secret."""
    assert expected == resolve(value)
    assert expected == secret_in(SecretStr(value), "").get_secret_value()


def test_a_secret_is_asked_again_after_a_while(sources: dict[str, str]) -> None:
    """A process that runs for days notices that it was changed."""
    now = [0.0]
    assert "first" == resolve("kept:a", clock=lambda: now[0])
    sources["a"] = "second"
    assert "first" == resolve("kept:a", clock=lambda: now[0])
    now[0] = secret_sources.KEPT_S + 1
    assert "second" == resolve("kept:a", clock=lambda: now[0])


@pytest.mark.parametrize(
    "name",
    [
        "BC__CLIENT_SECRET",
        "BC__ACCESS_KEY",
        "DATAVERSE__CERTIFICATE_PASSWORD",
        "STORE__URL",
        "WAKE_UP__KEY",
        "WAKE_UP__SERVICE_BUS",
    ],
)
def test_every_secret_may_be_a_reference(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that cannot be had is refused under its setting's name."""
    monkeypatch.setenv(f"TIELINE_{name}", "kept:a")
    found: Any = load_settings()
    for part in name.lower().split("__"):
        found = getattr(found, part)
    assert "first" == found.get_secret_value()
    monkeypatch.setenv(f"TIELINE_{name}", "kept:b")
    section = name.lower().partition("__")[0]
    with pytest.raises(SettingsError, match=rf"{section}.* is wrong: no b here\."):
        load_settings()


def test_a_block_of_prefect(prefect_server: str) -> None:
    """Its text is the secret; a block that is missing or no text is named."""
    Secret(value="of-a-block").save("tieline-test", overwrite=True, _sync=True)
    Secret(value={"a": 1}).save("tieline-test-json", overwrite=True, _sync=True)
    assert "of-a-block" == read_block("tieline-test")
    with pytest.raises(ValueError, match="no Secret block elsewhere"):
        read_block("elsewhere")
    with pytest.raises(ValueError, match="holds no text"):
        read_block("tieline-test-json")


async def test_a_block_inside_a_flow(prefect_server: str) -> None:
    """Flows read their settings while a loop runs."""
    await Secret(value="in-a-loop").save("tieline-loop", overwrite=True, _sync=False)
    assert "in-a-loop" == read_block("tieline-loop")


class Credential:
    """Signs in to the vault of the tests."""

    def get_token(self, *_: str, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(token="token", expires_on=int(time.time()) + 3000)


def answered(request: Request) -> JSONResponse:
    """Answer as a vault does: a challenge first, then the secret, or an error."""
    if request.headers.get("authorization") != "Bearer token":
        challenge = (
            'Bearer authorization="https://login.microsoftonline.com/tenant", '
            'resource="https://vault.azure.net"'
        )
        return JSONResponse({}, 401, headers={"WWW-Authenticate": challenge})
    name = request.path_params["name"]
    host = request.headers["host"]
    if name == "forbidden":
        return JSONResponse({"error": {"code": "Forbidden"}}, 403)
    if name != "bc":
        return JSONResponse({"error": {"code": "SecretNotFound"}}, 404)
    secret_id = f"https://{host}/secrets/bc/v1"
    return JSONResponse({"value": "of-a-vault", "id": secret_id, "attributes": {}})


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Its address, and what the client needs to believe it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "vault.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = Certificate(tmp_path / "vault.pem", tmp_path / "vault.pem")
    paths = ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}")
    app = Starlette(routes=[Route(path, answered) for path in paths])
    options = {
        "credential": Credential(),
        "connection_verify": str(tmp_path / "ca.pem"),
        "verify_challenge_resource": False,
        "retry_total": 0,
    }
    with serve(app, certificate=certificate) as running:
        yield running.url, options


def test_a_secret_of_a_vault(vault: tuple[str, dict[str, Any]]) -> None:
    """By its identifier, with or without a version."""
    url, options = vault
    for identifier in (f"{url}/secrets/bc", f"{url}/secrets/bc/v1"):
        assert "of-a-vault" == read_secret(identifier, **options)


@pytest.mark.parametrize(
    ("name", "told"), [("other", "is not there"), ("forbidden", "status 403")]
)
def test_a_vault_that_gives_nothing(
    vault: tuple[str, dict[str, Any]], name: str, told: str
) -> None:
    """The secret is named, and what the vault said."""
    url, options = vault
    with pytest.raises(ValueError, match=f"{name} of {url}.* {told}"):
        read_secret(f"{url}/secrets/{name}", **options)


@pytest.mark.parametrize(
    "identifier", ["bc", "http://localhost/secrets/bc", "https://v.example/bc", ""]
)
def test_what_is_no_identifier_is_refused(identifier: str) -> None:
    """Nobody is asked, least of all without https."""
    with pytest.raises(ValueError, match="ends in https://VAULT/secrets/NAME"):
        read_secret(identifier)
