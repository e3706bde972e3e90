"""A mistake in tieline.toml is a wrong setting, whichever command meets it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import sentence

MISTAKES = {
    "no TOML": "this is = = not TOML",
    "unknown setting": "[sync]\ncreate_optionz = true\n",
    "wrong kind": "[sync]\ncreate_options = 'perhaps'\n",
    "unknown job": "[mappings.VENDORS]\n",
    "unknown field": "[mappings.CUSTOMER.fields]\nshoeSize = false\n",
}
COMMANDS = (
    ("apply", "plan"),
    ("check",),
    ("couple", "CUSTOMER", "--match", "displayName"),
    ("couplings", "CUSTOMER"),
    ("errors",),
    ("explain", "CUSTOMER", "10000"),
    ("full-sync",),
    ("mappings",),
    ("resolve", "CUSTOMER", "retry", "--all"),
    ("run", "CUSTOMER"),
    ("sync",),
    ("uncouple", "CUSTOMER", "--all"),
    ("undo", "run"),
    ("verify", "CUSTOMER"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_ends_with_2(folder, invoke, command, mistake):
    """The sentence names the file or the setting; nothing is connected."""
    (folder / "tieline.toml").write_text(MISTAKES[mistake], encoding="utf-8")
    result = invoke(*command)
    assert 2 == result.exit_code
    told = sentence(result)
    assert "tieline.toml" in told or "sync.create_option" in told
