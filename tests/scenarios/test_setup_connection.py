"""What is set up before anything runs: addresses, credentials, and a first check."""

from __future__ import annotations

import pytest

from tests.cli.conftest import document, folder, invoke, sentence, services
from tieline.errors import SettingsError
from tieline.settings import ServiceSettings, load_settings

__all__ = ["folder", "invoke", "services"]

SECRET = "s3cret-value"
REMOTE = "https://contoso.crm4.dynamics.com"


@pytest.fixture(autouse=True)
def _here(folder):
    """Run in an empty folder, with no Tieline variable but the store's."""


def refusal() -> str:
    """Return the sentence with which the settings are refused."""
    with pytest.raises(SettingsError) as caught:
        load_settings().require_addresses()
    return str(caught.value)


@pytest.mark.scenario(
    "CDSIntegrationMgt/IsIntegrationEnabledWhenMissing",
    "CDSIntegrationMgt/TestConnectionWhenMissing",
    "CDSIntegrationMgt/TestConnectionWhenNotConfigured",
    "CDSConnectionSetup/ServerAddressRequiredToEnableO365",
    "CDSConnectionSetup/ServerAddressRequiredToEnable",
    "CRMConnectionWizard/CRMConnectionSetupCheckConnectRequiredFields",
)
@pytest.mark.parametrize("side", ["BC", "DATAVERSE"])
@pytest.mark.parametrize("blank", [True, False])
def test_an_address_is_required(services, invoke, monkeypatch, side, blank):
    """Blank or missing, credentials or none: the setting is named, nothing starts."""
    monkeypatch.setenv(f"TIELINE_{side}__CLIENT_ID", "app")
    monkeypatch.setenv(f"TIELINE_{side}__CLIENT_SECRET", SECRET)
    if blank:
        monkeypatch.setenv(f"TIELINE_{side}__URL", "")
    else:
        monkeypatch.delenv(f"TIELINE_{side}__URL")
    for command in (["check"], ["run", "CURRENCY"]):
        result = invoke(*command, "--json")
        assert 2 == result.exit_code
        assert f"The setting TIELINE_{side}__URL is missing." in sentence(result)
        assert SECRET not in result.output


@pytest.mark.scenario(
    "CDSIntegrationMgt/IsIntegrationEnabledWhenNotConfigured",
    "CRMConnectionWizard/CRMConnectionSetupEnableCRMConnectionFromWizard",
)
def test_a_service_elsewhere_needs_credentials(services, invoke, monkeypatch):
    """Only this machine's own addresses are spoken to without a sign-in."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", "https://example.invalid")
    result = invoke("check", "--json")
    told = document(result)
    assert (2, "TL-101") == (result.exit_code, told["dataverse"]["error"]["code"])
    assert not any(job["ready"] for job in told["jobs"])


@pytest.mark.scenario(
    "CDSIntegrationMgt/IsIntegrationEnabledWhenEnabled",
    "CDSIntegrationMgt/TestConnectionWhenEnabled",
    "CDSConnectionSetup/ActionTestConnectionWhenIntegrationDisabled",
)
def test_a_connection_that_works(services, invoke):
    """The check needs no schedule, no deployment and no Prefect."""
    result = invoke("check", "--json")
    told = document(result)
    assert 0 == result.exit_code
    assert all(job["ready"] for job in told["jobs"])
    assert "error" not in told["dataverse"]


@pytest.mark.scenario("CRMSetup/WorkingConnectionRequiredToEnable")
def test_a_host_that_does_not_answer(services, invoke, monkeypatch):
    """No job is ready, and the address is told."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", "http://127.0.0.1:9")
    result = invoke("check", "--json")
    assert (1, "TL-202") == (
        result.exit_code,
        document(result)["dataverse"]["error"]["code"],
    )
    assert not any(job["ready"] for job in document(result)["jobs"])


@pytest.mark.scenario("CDSIntegrationMgt/GetBaseSolutionVersion")
def test_whether_the_solution_is_there(services, invoke):
    """By its tables, which is what the jobs need of it."""
    told = document(invoke("check", "--json"))
    assert (True, True) == (
        told["dataverse"]["solution"],
        told["dataverse"]["statistics"],
    )


@pytest.mark.scenario("CRMSetup/UrlValidationIsNotCaseSensitive")
def test_an_address_keeps_its_case(monkeypatch):
    """Host names may be written as people like."""
    url = "https://CamelCaseUrl.crm4.dynamics.com"
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", url)
    assert url == load_settings().dataverse.url


@pytest.mark.scenario(
    "CRMSetup/UrlValidationWhenMissingHTTPS",
    "CDSConnectionWizard/CDSConnectionWizardCheckModifyCDSConnectionURL",
)
def test_an_address_needs_its_scheme(monkeypatch):
    """It is asked for, not guessed; a blank address is none."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", "company.crm4.dynamics.com")
    assert "dataverse.url is wrong: it must be an absolute http(s) address" in refusal()
    assert "" == ServiceSettings(url="").url


@pytest.mark.scenario(
    "CDSConnectionWizard/CDSConnectionWizardCheckModifyCDSConnectionURL"
)
@pytest.mark.parametrize("setting", ["URL", "TOKEN_URL"])
def test_credentials_do_not_travel_in_the_open(services, invoke, monkeypatch, setting):
    """Another machine is spoken to over https only."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", REMOTE)
    monkeypatch.setenv("TIELINE_DATAVERSE__CLIENT_ID", "app")
    monkeypatch.setenv("TIELINE_DATAVERSE__CLIENT_SECRET", SECRET)
    monkeypatch.setenv("TIELINE_DATAVERSE__TENANT_ID", "t1")
    address = "http://contoso.example.invalid/token"
    monkeypatch.setenv(f"TIELINE_DATAVERSE__{setting}", address)
    result = invoke("check", "--json")
    error = document(result)["dataverse"]["error"]
    assert (2, "TL-101") == (result.exit_code, error["code"])
    assert f"Begin TIELINE_DATAVERSE__{setting} with https://" in error["message"]
    assert SECRET not in result.output


@pytest.mark.scenario("CDSConnectionSetup/DataverseCloudDefaultsToCommercialEndpoints")
def test_the_commercial_cloud_is_the_default():
    """Tokens come from the identity platform, for the tenant."""
    found = ServiceSettings(tenant_id="t1").token_address
    assert "https://login.microsoftonline.com/t1/oauth2/v2.0/token" == found


@pytest.mark.scenario(
    "CDSConnectionSetup/DataverseCloudOverrideReturnsPartnerEndpoints",
    "CDSConnectionSetup/SetDataverseCloudPersistsSelection",
)
def test_another_cloud_is_another_token_address(folder):
    """Kept in tieline.toml, so that every run goes there."""
    url = "https://login.microsoftonline.us/t1/oauth2/v2.0/token"
    text = f'[dataverse]\ntoken_url = "{url}"\n'
    (folder / "tieline.toml").write_text(text, encoding="utf-8")
    for _ in range(2):
        assert url == load_settings().dataverse.token_address


@pytest.mark.scenario(
    "CDSConnectionSetup/ChangePasswordDoesNotUpdateConnectionString",
    "CRMConnectionString/t260_DefaultConnectionStringIncludesPwdPlaceholder",
)
def test_a_secret_is_never_shown(monkeypatch):
    """Changed or not: a placeholder stands in for it."""
    for secret in (SECRET, "an0ther-value"):
        monkeypatch.setenv("TIELINE_DATAVERSE__CLIENT_SECRET", secret)
        settings = load_settings()
        assert secret == settings.dataverse.client_secret.get_secret_value()
        for shown in (repr(settings), str(settings), settings.model_dump_json()):
            assert secret not in shown
        assert "**********" in repr(settings)
