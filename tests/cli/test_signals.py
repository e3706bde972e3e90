"""A command that is told to end from outside ends as Ctrl-C ends it."""

from __future__ import annotations

import signal

import pytest

from cli.main import end_like_ctrl_c


@pytest.fixture(autouse=True)
def handlers():
    """Put the handler of the tests back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_kill_ends_as_ctrl_c_does():
    """What was started is stopped on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_like_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_is_ignored_stays_so():
    """Whoever started us without it meant that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_like_ctrl_c()
    signal.raise_signal(signal.SIGTERM)
    assert signal.SIG_IGN == signal.getsignal(signal.SIGTERM)
