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
    from tieline.secret_sources import register
    from tieline.settings import load_settings

    register("secret-block", _read_block)
    register("key-vault", _read_vault)
    settings = load_settings()
    if settings.mappings:
        from flows.jobs import MAPPINGS
        from tieline.overrides import check_overrides

        check_overrides(settings, MAPPINGS.values())
    return settings


def _read_block(name: str) -> str:
    from tasks.secret_blocks import read_block

    return read_block(name)


def _read_vault(identifier: str) -> str:
    from tieline.key_vault import read_secret

    return read_secret(identifier)
