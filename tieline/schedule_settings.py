"""When deployments run, where the user wants it otherwise than prefect.yaml has it."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from tieline.service_settings import Section


class ScheduleSettings(Section):
    """The schedule of one deployment.

    Short forms: a cron expression alone, or `true` and `false` to switch on and off
    the schedule that the deployment has anyway. `timezone` is an IANA name, UTC if
    left out.
    """

    cron: str = ""
    timezone: str = "UTC"
    active: bool = True

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {"active": value}
        if isinstance(value, str):
            if not value.strip():
                msg = "it must be a cron expression, true or false"
                raise ValueError(msg)
            return {"cron": value}
        return value
