"""Couples, compares, decides and writes records: the engine, without Prefect."""
