"""Where the receiver may listen, and what its settings refuse."""

from __future__ import annotations

import sys

import pytest

from tieline.errors import SettingsError
from tieline.settings import load_settings
from tieline.wake_up.service_bus import queue_of

BUS = (
    "Endpoint=sb://tieline.servicebus.windows.net/;SharedAccessKeyName=listen;"
    "SharedAccessKey=cGxhbnRlZC1zZWNyZXQ="
)


def with_settings(patch: pytest.MonkeyPatch, **values: str):
    for name, value in values.items():
        patch.setenv(f"TIELINE_WAKE_UP__{name}", value)
    return load_settings().wake_up


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({}, None),
        ({"HOST": "localhost"}, None),
        ({"HOST": "::1"}, None),
        ({"PUBLIC_URL": "http://127.0.0.1:8810"}, None),
        ({"HOST": "0.0.0.0"}, "wake_up.host"),
        ({"HOST": "::"}, "wake_up.host"),
        ({"HOST": "receiver.internal"}, "wake_up.host"),
        # A proxy that leads from outside to loopback.
        ({"PUBLIC_URL": "https://receiver.example.com"}, "wake_up.public_url"),
        ({"HOST": "0.0.0.0", "KEY": "k"}, None),
        ({"PUBLIC_URL": "https://receiver.example.com", "KEY": "k"}, None),
    ],
)
def test_it_is_not_reached_from_outside_without_a_key(monkeypatch, values, refused):
    """Loopback alone needs none."""
    settings = with_settings(monkeypatch, **values)
    if refused is None:
        settings.require_authentication()
        return
    with pytest.raises(SettingsError, match=refused):
        settings.require_authentication()


@pytest.mark.parametrize(
    "values",
    [
        {"PUBLIC_URL": "receiver.example.com"},
        {"PUBLIC_URL": "https://receiver.example.com/?code=1"},
        {"PUBLIC_URL": "https://user:secret@receiver.example.com"},
        {"COLLAPSE_S": "-1"},
        {"PORT": "70000"},
        {"KEY": "k" * 2049},
    ],
)
def test_wrong_values_are_refused_without_being_shown(monkeypatch, values):
    """The sentence names the setting."""
    (name,) = values
    with pytest.raises(SettingsError, match=f"wake_up.{name.lower()}") as told:
        with_settings(monkeypatch, **values)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "queue", "said"),
    [
        (BUS, "", "names no queue"),
        ("nonsense", "q", "no connection string"),
        (BUS.replace("cGxhbnRlZC1zZWNyZXQ=", ""), "q", "no connection string"),
    ],
)
def test_a_queue_that_cannot_be_opened(monkeypatch, text, queue, said):
    """Said at the start, without the secret."""
    settings = with_settings(monkeypatch, SERVICE_BUS=text, SERVICE_BUS_QUEUE=queue)
    with pytest.raises(SettingsError, match=said) as told:
        queue_of(settings)
    assert "cGxhbnRlZC1" not in str(told.value)


async def test_a_queue_is_opened_by_the_client_library(monkeypatch):
    """By the name in the settings, or by that in the connection string."""
    for text, queue in ((BUS, "q"), (f"{BUS};EntityPath=q", "")):
        settings = with_settings(monkeypatch, SERVICE_BUS=text, SERVICE_BUS_QUEUE=queue)
        opened = queue_of(settings)()
        assert "q" == opened._receiver.entity_path


def test_without_the_client_library_it_is_named(monkeypatch):
    """What to install."""
    settings = with_settings(monkeypatch, SERVICE_BUS=BUS, SERVICE_BUS_QUEUE="q")
    monkeypatch.setitem(sys.modules, "azure.servicebus.aio", None)
    with pytest.raises(SettingsError, match=r"tieline\[service-bus\]"):
        queue_of(settings)
