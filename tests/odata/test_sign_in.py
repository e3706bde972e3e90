"""Every way to sign in: the right credential, one sentence when it fails, no secret."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import azure.identity
import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.server import serve
from tests.odata.fakes import ROOT, client, wire
from tieline.business_central.refusals import classify
from tieline.errors import SettingsError, SignInRefused, Unavailable
from tieline.odata import azure as azure_tokens
from tieline.odata.azure import AzureIdentity
from tieline.odata.sign_in import BearerAuth, auths_for
from tieline.odata.token import TokenSource
from tieline.service_settings import (
    BusinessCentralSettings,
    DataverseSettings,
    SignInMethod,
)

SECRET = "s3cret-value"
SCOPE = "https://api.businesscentral.dynamics.com/.default"
ABROAD = "https://api.businesscentral.dynamics.com/v2.0/t/production"
APP = {"tenant_id": "t", "client_id": "app"}


def settings(auth: str, **values: object) -> BusinessCentralSettings:
    return BusinessCentralSettings(url=ABROAD, auth=auth, **values)


def issuer(given: BusinessCentralSettings, credential=None) -> AzureIdentity:
    return AzureIdentity(given, system="bc", scope=SCOPE, credential=credential)


def made_auth(given: BusinessCentralSettings) -> list[httpx.Auth | None]:
    inner = wire(lambda _: httpx.Response(200))
    http = httpx.AsyncClient(transport=inner.transport)
    return auths_for(given, system="bc", scope=SCOPE, http=http, wire=inner)


class Credential:
    """Gives out numbered tokens for an hour."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> SimpleNamespace:
        self.scopes += scopes
        number = len(self.scopes)
        return SimpleNamespace(token=f"t{number}", expires_on=time.time() + 3600)


@pytest.mark.parametrize(
    ("auth", "values", "kind"),
    [
        (
            "client-secret",
            {**APP, "client_secret": SECRET},
            azure.identity.ClientSecretCredential,
        ),
        ("managed-identity", {}, azure.identity.ManagedIdentityCredential),
        ("azure-cli", {}, azure.identity.AzureCliCredential),
    ],
)
def test_the_setting_chooses_the_credential(auth, values, kind) -> None:
    """`auth` names the credential of Azure Identity."""
    assert isinstance(azure_tokens._credential(settings(auth, **values), "bc"), kind)


def test_a_client_id_alone_means_its_secret() -> None:
    """Without `auth`, a client id signs in with its secret, and nobody without one."""
    assert SignInMethod.CLIENT_SECRET is BusinessCentralSettings(client_id="a").method
    assert SignInMethod.NONE is BusinessCentralSettings().method


async def test_a_token_that_is_turned_down_is_replaced_once() -> None:
    """A 401 asks the credential anew, and the request goes again."""
    credential, used = Credential(), []

    def answer(request: httpx.Request) -> httpx.Response:
        used.append(request.headers["Authorization"])
        return httpx.Response(401 if used[-1] == "Bearer t1" else 200)

    source = TokenSource(issuer(settings("azure-cli"), credential), wire(answer))
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, auth=BearerAuth(source)) as http:
        assert 200 == (await http.get(ROOT)).status_code
    assert ["Bearer t1", "Bearer t2"] == used
    assert [SCOPE, SCOPE] == credential.scopes


@pytest.fixture
def identity_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """The identity endpoint of Azure App Service, on this machine."""
    asked: list[dict[str, str]] = []

    async def token(request: Request) -> JSONResponse:
        asked.append(
            {**request.query_params, "header": request.headers["x-identity-header"]}
        )
        body = {
            "access_token": "from-the-host",
            "expires_on": str(int(time.time()) + 3600),
            "resource": request.query_params["resource"],
            "token_type": "Bearer",
        }
        return JSONResponse(body)

    with serve(Starlette(routes=[Route("/msi/token", token)])) as running:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "the-header")
        yield asked


async def test_a_managed_identity_signs_in_without_any_secret(identity_host) -> None:
    """The host's own endpoint gives the token; no secret is configured."""
    issued = await issuer(settings("managed-identity")).issue()
    assert "from-the-host" == issued.value
    assert 3000 < issued.lifetime_s <= 3600
    (asked,) = identity_host
    assert "https://api.businesscentral.dynamics.com" == asked["resource"]
    assert "the-header" == asked["header"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
async def test_the_azure_command_line_signs_a_developer_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`az account get-access-token` is asked for a token of the service's scope."""
    answer = {"accessToken": "from-az", "expires_on": int(time.time()) + 3600}
    az, said = tmp_path / "az", tmp_path / "said"
    az.write_text(f"#!/bin/sh\necho \"$@\" > {said}\necho '{json.dumps(answer)}'\n")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "from-az" == (await issuer(settings("azure-cli")).issue()).value
    assert "get-access-token" in said.read_text()
    assert "businesscentral.dynamics.com" in said.read_text()


async def test_a_missing_command_line_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `az` the sentence says so and what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        await issuer(settings("azure-cli")).issue()
    assert "There is no Azure command line with a signed-in user here" in str(
        caught.value
    )
    assert "`az login`" in str(caught.value)


def test_a_workload_identity_needs_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Outside a cluster that federates, the sentence names what is missing."""
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="AZURE_FEDERATED_TOKEN_FILE"):
        issuer(settings("workload-identity"))


def test_a_certificate_that_cannot_be_used_is_named_but_never_shown(
    tmp_path: Path,
) -> None:
    """A missing file and one that holds no key: the path, not the content."""
    path = tmp_path / "key.pem"
    for content in (None, f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n"):
        if content is not None:
            path.write_text(content)
        given = settings("certificate", certificate_path=str(path), **APP)
        with pytest.raises(SettingsError) as caught:
            issuer(given)
        assert str(path) in str(caught.value)
        assert SECRET not in str(caught.value)


class Refusing:
    """A credential that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_token(self, *_: str, **__: object) -> SimpleNamespace:
        raise self.error


async def test_a_refusal_tells_the_code_and_nothing_else() -> None:
    """The platform's text quotes what was sent: only its code is shown."""
    error = ClientAuthenticationError(f"AADSTS7000215: invalid secret '{SECRET}'")
    with pytest.raises(SignInRefused) as caught:
        await issuer(settings("azure-cli"), Refusing(error)).issue()
    assert "The sign-in to Business Central was refused (AADSTS7000215)" in str(
        caught.value
    )
    assert SECRET not in str(caught.value)


async def test_an_identity_platform_that_does_not_answer_is_unavailable() -> None:
    """No answer is no refusal: the job could not run, and nobody is to blame."""
    refusing = Refusing(ServiceRequestError(f"cannot connect with {SECRET}"))
    with pytest.raises(Unavailable) as caught:
        await issuer(settings("azure-cli"), refusing).issue()
    assert SECRET not in str(caught.value)


async def test_basic_sends_user_and_key_to_business_central() -> None:
    """On premises a user signs in with a web service access key."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={})

    given = BusinessCentralSettings(
        url=ROOT, auth="basic", username="SYNC", access_key=SecretStr("key")
    )
    async with client(answer, classify, settings=given) as sender:
        await sender.get(f"{ROOT}/x")
    assert ["Basic U1lOQzprZXk="] == seen


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (settings("basic", username="SYNC"), "The web service access key for"),
        (settings("certificate", **APP), "The certificate for Business Central"),
        (settings("client-secret", client_id="a", client_secret="b"), "The tenant"),
        (
            BusinessCentralSettings(
                url="http://erp.example.com", auth="basic", username="u", access_key="k"
            ),
            "would travel unprotected",
        ),
    ],
)
def test_what_a_method_needs_is_asked_for_before_any_request(given, sentence) -> None:
    """Half a credential, or one in the clear, is refused with its setting."""
    with pytest.raises(SettingsError, match=sentence):
        made_auth(given)


def test_dataverse_takes_no_basic() -> None:
    """User name and key are for Business Central on premises only."""
    with pytest.raises(ValidationError, match="Dataverse takes no user name"):
        DataverseSettings(auth="basic")


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    """The file's content counts, without the line end that editors add."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    given = BusinessCentralSettings(client_secret_file=str(path))
    assert SECRET == given.client_secret.get_secret_value()
    assert SECRET not in repr(given)


def test_a_secret_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    """Missing, empty, or beside the secret itself: one sentence each."""
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    for values, sentence in (
        ({"client_secret_file": str(tmp_path / "no")}, "cannot be read"),
        ({"client_secret_file": str(empty)}, "is empty"),
        ({"client_secret_file": str(empty), "client_secret": SECRET}, "keep one"),
    ):
        with pytest.raises(ValidationError, match=sentence) as caught:
            BusinessCentralSettings(**values)
        assert SECRET not in str(caught.value.errors(include_input=False))
