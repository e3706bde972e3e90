"""`tieline check` says what works, what is off, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.cli.conftest import document, sentence
from tieline.positions import Position

UNREACHABLE = "http://127.0.0.1:9"


def test_all_is_well(services, invoke, monkeypatch):
    """Both sides are described and every job is ready; the company may be an id."""
    monkeypatch.setenv("TIELINE_BC__COMPANY", services.company.id)
    result = invoke("check", "--json")
    told = document(result)
    assert 0 == result.exit_code
    assert ("CRONUS", True) == (
        told["business_central"]["company"],
        told["business_central"]["companion"],
    )
    assert (True, True) == (
        told["dataverse"]["solution"],
        told["dataverse"]["statistics"],
    )
    assert {"job": "CUSTOMER", "ready": True, "off": [], "reason": None} in told["jobs"]


def test_without_the_companion_app(services, invoke):
    """What only the companion app publishes is off, by name."""
    services.bc.companion = False
    told = document(invoke("check", "--json"))
    assert not told["business_central"]["companion"]
    customer = next(one for one in told["jobs"] if one["job"] == "CUSTOMER")
    assert customer["ready"]
    assert "faxNumber" in customer["off"]
    assert "faxNumber" in invoke("check").stdout


def test_an_unknown_company(services, invoke, monkeypatch):
    """The companies that exist are named; the other side is told all the same."""
    monkeypatch.setenv("TIELINE_BC__COMPANY", "Nope")
    result = invoke("check", "--json")
    told = document(result)
    assert 2 == result.exit_code
    assert "TL-103" == told["business_central"]["error"]["code"]
    assert "organization" in told["dataverse"]
    assert not any(job["ready"] for job in told["jobs"])
    assert "It has: CRONUS." in sentence(result)


def test_wrong_credentials(services, invoke, monkeypatch, base):
    """Refused credentials are told by the service's name, without the secret."""
    services.dataverse.tokens.client_id = "app"
    services.dataverse.tokens.client_secret = "right"
    monkeypatch.setenv("TIELINE_DATAVERSE__CLIENT_ID", "app")
    monkeypatch.setenv("TIELINE_DATAVERSE__CLIENT_SECRET", "wrong-secret")
    token_url = f"{base.dataverse_url}/tenant/oauth2/v2.0/token"
    monkeypatch.setenv("TIELINE_DATAVERSE__TOKEN_URL", token_url)
    result = invoke("check", "--json")
    assert (2, "TL-104") == (
        result.exit_code,
        document(result)["dataverse"]["error"]["code"],
    )
    assert "Dataverse" in sentence(result)
    assert "wrong-secret" not in result.output


def test_an_unreachable_service(services, invoke, monkeypatch):
    """A service that gives no answer is named with its address."""
    monkeypatch.setenv("TIELINE_BC__URL", UNREACHABLE)
    result = invoke("check", "--json")
    assert (1, "TL-202") == (
        result.exit_code,
        document(result)["business_central"]["error"]["code"],
    )
    assert "Business Central at 127.0.0.1:9 gave no answer" in sentence(result)


def test_missing_settings(invoke):
    """The first setting that is missing is named."""
    result = invoke("check", "--json")
    told = document(result)
    assert (2, {}, []) == (result.exit_code, told["dataverse"], told["jobs"])
    assert "The setting TIELINE_BC__URL is missing." in sentence(result)


def test_positions_that_are_ahead_are_told(services, invoke):
    """A clock was wrong: check says what the next run will not believe."""
    ahead = datetime.now(UTC) + timedelta(hours=3)
    position = Position(ahead).text
    assert "positions_ahead" not in document(invoke("check", "--json"))
    with services.store() as store:
        company = services.company.id
        store.advance_watermark(company, "CUSTOMER", "to-dataverse", ahead, revision=0)
        store.set_cursor(company, "CUSTOMER-STATISTICS", "openSalesLines", position)
    watermark, cursor = document(invoke("check", "--json"))["positions_ahead"]
    assert "CUSTOMER to-dataverse: the stored position" in watermark
    assert "CUSTOMER-STATISTICS to-dataverse: the stored position" in cursor
    assert watermark.partition(" clock of ")[0] in invoke("check").stdout
