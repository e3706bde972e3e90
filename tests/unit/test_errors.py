"""Errors read well, whatever names they are made of."""

from __future__ import annotations

import pytest

from tieline.errors import SettingsError, Unavailable


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("It has: A, Contoso Ltd..", "It has: A, Contoso Ltd."),
        ("Of Contoso Ltd.. Nothing more.", "Of Contoso Ltd. Nothing more."),
        ("And so on...", "And so on..."),
        ("It is at ../here.", "It is at ../here."),
    ],
)
def test_one_full_stop_ends_a_sentence(message: str, expected: str) -> None:
    """A name with a full stop at the end of a sentence leaves one of both."""
    error = SettingsError(message, advice="Ask Contoso Ltd..")
    assert f"{expected} Ask Contoso Ltd." == str(error)
    assert expected == error.message
    assert expected == Unavailable(message, system="bc").message
