"""The one typed configuration: environment variables over tieline.toml.

`TIELINE_BC__URL` and its like win over the file; the file is the one that
`TIELINE_CONFIG` names, or ./tieline.toml when it exists.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariable

from tieline.errors import SettingsError
from tieline.schedule_settings import ScheduleSettings
from tieline.service_settings import (
    MICROSOFT_TOKEN_URL,
    BusinessCentralSettings,
    DataverseSettings,
    Section,
    ServiceSettings,
    secret_in,
)
from tieline.wake_up_settings import WakeUpSettings

__all__ = [
    "MICROSOFT_TOKEN_URL",
    "BusinessCentralSettings",
    "CompanySettings",
    "DataverseSettings",
    "ServiceSettings",
    "Settings",
    "load_settings",
]

_IN_MEMORY = re.compile(r"sqlite(\+pysqlite)?:(/{2,3}(:memory:)?)?(\?.*)?")


class StoreSettings(Section):
    """Where couplings, watermarks and the journal are kept."""

    url: SecretStr = SecretStr("")
    url_file: str = ""

    @model_validator(mode="after")
    def _read_url(self) -> Self:
        self.url = secret_in(self.url, self.url_file)
        return self

    @field_validator("url")
    @classmethod
    def _lasts(cls, url: SecretStr) -> SecretStr:
        if _IN_MEMORY.fullmatch(url.get_secret_value().strip()):
            msg = "a store in memory would forget every coupling; name a file"
            raise ValueError(msg)
        return url

    @property
    def address(self) -> str:
        """The SQLAlchemy URL, by default a SQLite file in the user's data dir."""
        if value := self.url.get_secret_value():
            return value
        folder = Path(platformdirs.user_data_dir("tieline", appauthor=False))
        return f"sqlite:///{(folder / 'tieline.sqlite').as_posix()}"


class CompanySettings(Section):
    """Choices that hold for a company's runs."""

    ownership: Literal["person", "team"] = "person"
    create_options: bool = False
    multi_company: bool = False
    look_back_s: float = Field(default=300, ge=0, le=86_400)


class SafetySettings(Section):
    """When a run stops and shows its plan instead of going on."""

    max_deleted_share: float = Field(default=0.5, ge=0, le=1)
    max_deleted: int = Field(default=100, ge=0)
    key_sweep_hours: float = Field(default=24, ge=0)


class RetentionSettings(Section):
    """For how many days PRUNE keeps what only history needs; 0 is for ever."""

    journal_days: int = Field(default=365, ge=0)
    plan_days: int = Field(default=30, ge=0)
    error_days: int = Field(default=90, ge=0)
    run_days: int = Field(default=365, ge=0)


class InactivitySettings(Section):
    """The built-in integration's back-off of idle jobs; off unless enabled."""

    enabled: bool = False


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="TIELINE_", env_nested_delimiter="__", extra="forbid"
    )

    bc: BusinessCentralSettings = BusinessCentralSettings()
    dataverse: DataverseSettings = DataverseSettings()
    store: StoreSettings = StoreSettings()
    sync: CompanySettings = CompanySettings()
    company: dict[str, CompanySettings] = Field(default_factory=dict)
    safety: SafetySettings = SafetySettings()
    retention: RetentionSettings = RetentionSettings()
    inactivity: InactivitySettings = InactivitySettings()
    wake_up: WakeUpSettings = WakeUpSettings()
    mappings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    schedules: dict[str, ScheduleSettings] = Field(default_factory=dict)
    batch_rows: int = Field(default=5000, ge=1, le=20000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: what code says, the environment, then the file."""
        file = InitSettingsSource(settings_cls, _file_values())
        return init_settings, env_settings, file

    def require_addresses(self) -> None:
        """Make sure that both services have an address. Raises SettingsError."""
        for name, service in (("BC", self.bc), ("DATAVERSE", self.dataverse)):
            if not service.url:
                msg = f"The setting TIELINE_{name}__URL is missing."
                advice = "Set it in the environment or in tieline.toml."
                raise SettingsError(msg, advice=advice)

    def for_company(self, *names: str) -> CompanySettings:
        """Return the choices of the company with one of these names, in any case."""
        wanted = {name.casefold() for name in names if name}
        for name, choices in self.company.items():
            if name.casefold() in wanted:
                return choices
        return self.sync

    def require_companies(self, names: Iterable[str]) -> None:
        """Refuse choices of a company that is called otherwise. Raises SettingsError.

        `names` are all names and ids that companies go by.
        """
        known = {name.casefold() for name in names}
        for name in self.company:
            if name.casefold() not in known:
                msg = f'[company."{name}"] in tieline.toml fits no company.'
                advice = "Write a company's name as Business Central has it."
                raise SettingsError(msg, advice=advice)


def config_path() -> Path | None:
    """Return the tieline.toml in force, or None."""
    if named := os.environ.get("TIELINE_CONFIG", "").strip():
        path = Path(named)
        if not path.is_file():
            msg = f"TIELINE_CONFIG names {named}, which is not a file."
            raise SettingsError(msg, advice="Correct the path or unset it.")
        return path
    path = Path("tieline.toml")
    return path if path.is_file() else None


def _file_values() -> dict[str, Any]:
    path = config_path()
    if path is None:
        return {}
    try:
        # Windows editors may put a byte order mark first.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not valid TOML: {error}."
        raise SettingsError(msg, advice="Correct that line.") from None
    except UnicodeDecodeError:
        msg = f"{path} is not valid TOML: it is not UTF-8 text."
        raise SettingsError(msg, advice="Save it as UTF-8.") from None
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise SettingsError(msg, advice="Check its rights.") from None


def _refuse_misspelt(names: Iterable[str]) -> None:
    """Refuse TIELINE_BC_COMPANY, which nothing would read.

    Only such names: Kubernetes puts variables of its own beside ours, named after
    services.
    """
    right = {
        f"TIELINE_{table}_{key}".upper(): f"TIELINE_{table}__{key}".upper()
        for table, field in Settings.model_fields.items()
        if isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
        for key in field.annotation.model_fields
    }
    for name in names:
        if meant := right.get(name.upper()):
            msg = f"The variable {name} is no setting."
            raise SettingsError(msg, advice=f"Write {meant}, with two underscores.")


def load_settings() -> Settings:
    """Read and check the configuration.

    Raises:
        SettingsError: a value is missing its form; the text names the setting,
            never its value when it is a secret.
    """
    _refuse_misspelt(os.environ)
    try:
        return Settings()
    except UnreadableVariable as error:
        # Its cause tells the value, which may be a secret.
        msg = f"The environment is wrong: {error}."
        advice = "Set its parts one by one, as in TIELINE_BC__URL."
        raise SettingsError(msg, advice=advice) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        is_unknown = first["type"] == "extra_forbidden"
        msg = f"The setting {where} is {'unknown' if is_unknown else f'wrong: {text}'}."
        raise SettingsError(
            msg, advice="Correct it in tieline.toml or in the environment."
        ) from None
