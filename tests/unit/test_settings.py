"""Settings come from variables and tieline.toml; wrong ones get a clear sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tieline.errors import SettingsError
from tieline.settings import (
    MICROSOFT_TOKEN_URL,
    ServiceSettings,
    Settings,
    load_settings,
)

SECRET = "s3cret-value"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and no Tieline variable."""
    for name in list(os.environ):
        if name.startswith("TIELINE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_defaults_need_no_file() -> None:
    """Without any configuration the store is a SQLite file of the user's."""
    settings = load_settings()
    assert "" == settings.bc.url
    assert settings.store.address.startswith("sqlite:///")
    assert settings.store.address.endswith("tieline.sqlite")


def test_the_environment_wins_over_the_file(folder, monkeypatch) -> None:
    """A variable replaces the file's value and leaves its neighbours."""
    (folder / "tieline.toml").write_text(
        '[bc]\nurl = "http://file/"\ncompany = "FILE"\n', encoding="utf-8"
    )
    monkeypatch.setenv("TIELINE_BC__URL", "http://environment/")
    settings = load_settings()
    assert ("http://environment", "FILE") == (settings.bc.url, settings.bc.company)


def test_blanks_around_an_address_are_dropped(monkeypatch) -> None:
    """A value that was pasted with a blank or a line end is the same address."""
    monkeypatch.setenv("TIELINE_BC__URL", " http://localhost:8801/ ")
    assert "http://localhost:8801" == load_settings().bc.url


def test_tieline_config_names_the_file(folder, monkeypatch) -> None:
    """TIELINE_CONFIG wins over ./tieline.toml; a byte order mark does no harm."""
    (folder / "tieline.toml").write_text('[bc]\ncompany = "HERE"\n', encoding="utf-8")
    other = folder / "other.toml"
    other.write_text('[bc]\ncompany = "OTHER"\n', encoding="utf-8-sig")
    monkeypatch.setenv("TIELINE_CONFIG", str(other))
    assert "OTHER" == load_settings().bc.company


def test_a_missing_named_file_is_refused(monkeypatch) -> None:
    """A TIELINE_CONFIG that leads nowhere is not ignored."""
    monkeypatch.setenv("TIELINE_CONFIG", "nowhere.toml")
    assert "TIELINE_CONFIG names nowhere.toml, which is not a file." in refusal()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[bc\n", "is not valid TOML: Expected ']'"),
        (b'[bc]\ncompany = "\xff"\n', "it is not UTF-8 text"),
        (b"[bcc]\n", "The setting bcc is unknown"),
        (b"batch_rows = 0\n", "The setting batch_rows is wrong"),
        (b"mappings.CUSTOMER = 5\n", "The setting mappings.CUSTOMER is wrong"),
        (b'[bc]\nurl = "localhost:8801"\n', "bc.url is wrong: it must be an absolute"),
        (b'[bc]\nurl = "http://a/api/v2.0"\n', "bc.url is wrong: it must be the serv"),
        (b'[dataverse]\ntoken_url = "x"\n', "dataverse.token_url is wrong: it must"),
        (b'[bc]\nurl = "http://a:99999"\n', "bc.url is wrong: its port must be"),
        (b'[bc]\nurl = "http://a?tenant=x"\n', "bc.url is wrong: it must end before"),
        (b'[store]\nurl = "sqlite://"\n', "store.url is wrong: a store in memory"),
        (b'[store]\nurl = "sqlite:///:memory:"\n', "store.url is wrong: a store in m"),
    ],
)
def test_a_bad_file_is_one_sentence(folder, content: bytes, reason: str) -> None:
    """The text names the file or the setting, on one line."""
    (folder / "tieline.toml").write_bytes(content)
    text = refusal()
    assert reason in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIELINE_BC", SECRET),
        ("TIELINE_BC__URL", f"https://admin:{SECRET}@example.com"),
        ("TIELINE_BC__URL", f"admin:{SECRET}@example.com"),
        ("TIELINE_BC__CLIENT_SECRETS", SECRET),
    ],
)
def test_no_refusal_shows_a_value(monkeypatch, name: str, value: str) -> None:
    """A password in the wrong place stays out of the text."""
    monkeypatch.setenv(name, value)
    assert SECRET not in refusal()


def test_no_repr_shows_a_secret(monkeypatch) -> None:
    """Secrets are masked wherever settings are printed."""
    monkeypatch.setenv("TIELINE_BC__CLIENT_SECRET", SECRET)
    monkeypatch.setenv("TIELINE_STORE__URL", f"postgresql://me:{SECRET}@db/tieline")
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET == settings.bc.client_secret.get_secret_value()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8801", True),
        ("http://localhost:8801", True),
        ("http://[::1]:8801", True),
        ("https://api.businesscentral.dynamics.com/v2.0", False),
        ("https://127.0.0.1.example.com", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    """Only this machine's own addresses need no sign-in."""
    assert expected == ServiceSettings(url=url).is_loopback


def test_token_address() -> None:
    """The identity platform's endpoint of the tenant, unless one is set."""
    expected = MICROSOFT_TOKEN_URL.format(tenant="t1")
    assert expected == ServiceSettings(tenant_id="t1").token_address
    assert "http://own" == ServiceSettings(token_url="http://own").token_address


def test_choices_of_a_company(folder) -> None:
    """A company's own choices replace the general ones as a whole."""
    (folder / "tieline.toml").write_text(
        '[sync]\ncreate_options = true\n[company."A B"]\nownership = "team"\n',
        encoding="utf-8",
    )
    settings = load_settings()
    assert "team" == settings.for_company("A B").ownership
    assert not settings.for_company("A B").create_options
    assert settings.for_company("C").create_options


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "BC"), ({"bc": {"url": "http://a"}}, "DATAVERSE")],
)
def test_addresses_are_required_by_runs(given, missing: str) -> None:
    """The first missing address is named as the variable that sets it."""
    with pytest.raises(SettingsError, match=f"TIELINE_{missing}__URL is missing"):
        Settings(**given).require_addresses()


def test_a_variable_with_one_underscore_is_not_ignored(monkeypatch) -> None:
    """A setting that nothing would read is refused; a stranger's variable is not."""
    monkeypatch.setenv("TIELINE_STORE_PORT", "tcp://10.0.0.1:5432")
    load_settings()
    monkeypatch.setenv("TIELINE_BC_COMPANY", "CRONUS")
    assert "Write TIELINE_BC__COMPANY, with two underscores." in refusal()


def test_an_unknown_key_is_called_unknown(folder) -> None:
    """Not wrong: it has no value that would be right."""
    (folder / "tieline.toml").write_text('[bc]\nurll = "x"\n', encoding="utf-8")
    assert refusal().startswith("The setting bc.urll is unknown.")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://localhost:99999", "its port must be a number"),
        ("http://localhost:abc", "its port must be a number"),
        ("http://localhost:8801/bc?tenant=a", "before a question mark"),
        ("http://localhost:8801/#a", "before a question mark"),
    ],
)
def test_addresses_that_cannot_be_called_are_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, what: str
) -> None:
    """A path is put behind the address: nothing may stand after it."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", url)
    with pytest.raises(SettingsError, match=what):
        load_settings()
