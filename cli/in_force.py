"""Which settings are in force, checked against all jobs?"""

from __future__ import annotations

from flows.jobs import MAPPINGS
from tieline.overrides import check_overrides
from tieline.settings import Settings, load_settings


def load_checked() -> Settings:
    """Read the configuration and check its overrides of every mapping.

    Raises:
        SettingsError: a setting or tieline.toml is malformed.
        MappingOverrideError: an override cannot be applied.
    """
    settings = load_settings()
    check_overrides(settings, MAPPINGS.values())
    return settings
