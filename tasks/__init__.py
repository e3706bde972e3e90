"""The stages that every job shares, as Prefect tasks."""
