"""Keeps Business Central and Dataverse in step; this library imports no Prefect."""
