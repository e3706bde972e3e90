"""The settings in force, with their overrides checked against all jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieline.settings import Settings


def load_checked() -> Settings:
    """Read the configuration and check its overrides of every mapping.

    The mappings are loaded only where something overrides them.

    Raises:
        SettingsError: a setting or tieline.toml is malformed.
        MappingOverrideError: an override cannot be applied.
    """
    import tasks.secret_blocks  # noqa: F401 - lets settings name secrets
    from tieline.settings import load_settings

    settings = load_settings()
    if settings.mappings:
        from flows.jobs import MAPPINGS
        from tieline.overrides import check_overrides

        check_overrides(settings, MAPPINGS.values())
    return settings
