"""What people get wrong on the first day is told as that, with the remedy."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from emulator.dataverse import DataverseState, create_dataverse
from tests.odata.fakes import ROOT, wire
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.errors import Forbidden, SettingsError, SignInRefused
from tieline.odata.wire import Wire
from tieline.settings import (
    BusinessCentralSettings,
    DataverseSettings,
    load_settings,
)
from tieline.store import Store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("standing", "remedy"),
    [
        ("stranger", "application user"),
        ("disabled", "Enable"),
        ("without-roles", "security role"),
    ],
)
async def test_who_is_turned_away_is_told_why(standing: str, remedy: str) -> None:
    """Dataverse's 403s about the user are refused credentials, with the remedy."""
    state = DataverseState()
    state.standing = standing  # type: ignore[assignment]
    transport = httpx.ASGITransport(create_dataverse(state))
    with pytest.raises(SignInRefused) as caught:
        await Dataverse.connect(
            DataverseSettings(url=ROOT), wire=Wire(transport=transport)
        )
    assert "Dataverse" in caught.value.message
    assert remedy in caught.value.advice
    assert 2 == caught.value.exit_code


async def test_a_missing_privilege_is_no_refused_sign_in() -> None:
    """A user with roles who may not do one thing keeps TL-207."""
    text = "Principal user (Id=1, type=8, roleCount=2) is missing prvReadAccount"

    def handler(request: httpx.Request) -> httpx.Response:
        error = {"code": "0x80040220", "message": text}
        return httpx.Response(403, json={"error": error})

    with pytest.raises(Forbidden):
        await Dataverse.connect(DataverseSettings(url=ROOT), wire=wire(handler))


@pytest.mark.parametrize(
    ("service", "url", "told"),
    [
        (
            "bc",
            "https://businesscentral.dynamics.com/contoso.com/Production?company=X",
            "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production",
        ),
        (
            "bc",
            "https://businesscentral.dynamics.com/",
            "https://api.businesscentral.dynamics.com/v2.0/TENANT/ENVIRONMENT",
        ),
        ("bc", "https://contoso.crm4.dynamics.com", "Dataverse"),
        (
            "dataverse",
            "https://contoso.crm4.dynamics.com/main.aspx?appid=1&pagetype=entitylist",
            "https://contoso.crm4.dynamics.com",
        ),
        (
            "dataverse",
            "https://contoso.crm.dynamics.com/api/data/v9.2",
            "https://contoso.crm.dynamics.com",
        ),
        ("dataverse", "https://make.powerapps.com/environments/1/home", "portal"),
        ("dataverse", "https://admin.powerplatform.microsoft.com/x", "portal"),
        (
            "dataverse",
            "http://localhost:5555/org/main.aspx",
            "http://localhost:5555/org",
        ),
        ("dataverse", "https://api.businesscentral.dynamics.com/v2.0", "Business Cen"),
    ],
)
def test_an_address_for_people_is_told_with_the_apis(
    monkeypatch: pytest.MonkeyPatch, service: str, url: str, told: str
) -> None:
    """Web clients, portals and the other service's address are refused at once."""
    monkeypatch.setenv(f"TIELINE_{service.upper()}__URL", url)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"{service}.url is wrong: it is " in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("bc", "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production"),
        ("bc", "http://localhost:7048/BC"),
        ("dataverse", "https://contoso.crm4.dynamics.com/"),
        ("dataverse", "https://contoso.api.crm4.dynamics.com"),
        ("dataverse", "http://localhost:8802"),
        ("dataverse", "https://gateway.example/dataverse"),
    ],
)
def test_an_address_of_an_api_passes(
    monkeypatch: pytest.MonkeyPatch, service: str, url: str
) -> None:
    """Regions, gateways and installations on premises are none of our business."""
    monkeypatch.setenv(f"TIELINE_{service.upper()}__URL", url)
    assert url.rstrip("/") == getattr(load_settings(), service).url


async def test_a_web_page_is_no_api() -> None:
    """A page where an API should be is told as such, whichever service it is."""

    def page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, html="<html>Sign in</html>")

    with pytest.raises(SettingsError, match="leads to a web page"):
        await BusinessCentral.connect(
            BusinessCentralSettings(url=ROOT), wire=wire(page)
        )
    with pytest.raises(SettingsError, match="leads to a web page"):
        await Dataverse.connect(DataverseSettings(url=ROOT), wire=wire(page))


@pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\t"])
def test_white_space_around_any_setting_is_dropped(
    monkeypatch: pytest.MonkeyPatch, folder: Path, space: str
) -> None:
    """A value that was pasted or read from a file is what is inside."""
    (folder / "other.toml").write_text("batch_rows = 7\n", encoding="utf-8")
    for name, value in {
        "CONFIG": "other.toml",
        "BC__URL": "http://localhost:1",
        "BC__COMPANY": "CRONUS",
        "BC__TENANT_ID": "contoso.onmicrosoft.com",
        "BC__CLIENT_ID": "me",
        "BC__CLIENT_SECRET": "s3cret",
        "BC__TOKEN_URL": "http://localhost:2/token",
        "STORE__URL": "sqlite:///x.sqlite",
        "SYNC__OWNERSHIP": "team",
        "SAFETY__MAX_DELETED": "5",
    }.items():
        monkeypatch.setenv(f"TIELINE_{name}", f"{space}{value}{space}")
    settings = load_settings()
    bc = settings.bc
    assert ("CRONUS", "contoso.onmicrosoft.com", "me") == (
        bc.company,
        bc.tenant_id,
        bc.client_id,
    )
    assert "s3cret" == bc.client_secret.get_secret_value()
    assert ("http://localhost:1", "http://localhost:2/token") == (bc.url, bc.token_url)
    assert "sqlite:///x.sqlite" == settings.store.address
    assert ("team", 5, 7) == (
        settings.sync.ownership,
        settings.safety.max_deleted,
        settings.batch_rows,
    )


@pytest.mark.parametrize("tenant", ["con toso", "https://login/x", "a/b", "a\nb"])
def test_a_tenant_is_an_id_or_a_domain(
    monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    """Anything else would lead nowhere, and look like a failure of the network."""
    monkeypatch.setenv("TIELINE_BC__TENANT_ID", tenant)
    with pytest.raises(SettingsError, match="tenant_id is wrong"):
        load_settings()


@pytest.mark.parametrize(
    "address", ["sqlite://file", "sqlite://file.sqlite", "sqlite://me@host/file"]
)
def test_two_slashes_of_sqlite_are_a_wrong_setting(address: str) -> None:
    """The mistake is TL-101, before anything is opened."""
    with pytest.raises(SettingsError, match="two slashes"), Store.open(address):
        pass
