"""Every name that the product has for a job means this job, wherever one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flows.jobs import MAPPINGS, job_name
from tieline.errors import MappingOverrideError, SettingsError
from tieline.job_names import JOB_NAMES, JOB_TABLES
from tieline.overrides import check_overrides, with_overrides
from tieline.settings import Settings

ENTRY = "{} - Dynamics 365 for Sales synchronization job"
NAMES = {
    "CUSTOMER PRICE GROUPS-SALES PRICE LISTS": "CUSTPRCGRP-PRICE",
    "PRODUCT PRICE-SALES PRICE": "SALESPRC-PRODUCTPRICE",
    "INVOICES-POSTED SALES INVOICES": "POSTEDSALESINV-INV",
    "UNIT OF MEASURE": "UNITOFMEASURE",
    "SALESPRC-PRODPRICE": "SALESPRC-PRODUCTPRICE",
    "Customer Statistics": "CUSTOMER-STATISTICS",
    "ITEM - PRODUCT": "ITEM-PRODUCT",
    "customer - dynamics 365 sales synchronization job": "CUSTOMER",
}


def test_the_plain_names_are_those_of_the_mappings():
    """What is known without loading a mapping is what the mappings declare."""
    declared = [(name, one.aliases) for name, one in MAPPINGS.items()]
    assert declared == list(JOB_NAMES.items())


@pytest.mark.parametrize("job", MAPPINGS)
def test_the_entry_of_a_job_queue_means_the_job(job):
    """The name that a job has in the product's job queue is one of its names."""
    assert (job, job) == (job_name(job), job_name(ENTRY.format(job)))


@pytest.mark.parametrize(("name", "job"), NAMES.items())
def test_the_mappings_name_means_the_job(name, job):
    """As does the name of its table mapping, whatever its case and spaces."""
    assert job == job_name(name)


@pytest.mark.parametrize("name", ["", "CUSTOM", "CUSTOMER - synchronization job"])
def test_other_names_mean_no_job(name):
    """A name has to be whole."""
    with pytest.raises(SettingsError):
        job_name(name)


def test_the_names_work_in_tieline_toml():
    """An override may stand under any of them, and under one of them only."""
    name = "INVOICES-POSTED SALES INVOICES"
    declared = MAPPINGS["POSTEDSALESINV-INV"]
    settings = Settings(mappings={name: {"synch_only_coupled": True}})
    check_overrides(settings, MAPPINGS.values())
    assert with_overrides(declared, settings).only_coupled
    twice = {name: {}, ENTRY.format(declared.name): {}}
    with pytest.raises(MappingOverrideError, match="twice"):
        with_overrides(declared, Settings(mappings=twice))


def test_the_plain_tables_are_those_of_the_mappings():
    """What a lookup in tieline.toml goes by is what the jobs couple."""
    declared = {
        name: (one.bc, one.bc_key, one.dataverse)
        for name, one in MAPPINGS.items()
        if name in JOB_TABLES
    }
    assert declared == JOB_TABLES
    without = set(MAPPINGS) - set(JOB_TABLES)
    assert {"SALESPRC-PRODUCTPRICE", "CUSTOMER-STATISTICS"} == without


def test_the_deployments_say_the_names():
    """Each description has the entry, and where it differs the mapping's name."""
    path = Path(__file__).parents[2] / "prefect.yaml"
    text = path.read_text(encoding="utf-8")
    said = {
        item["name"]: item["description"]
        for item in yaml.safe_load(text)["deployments"]
    }
    for job in MAPPINGS:
        assert ENTRY.format(job) in said[job]
    for name, job in list(NAMES.items())[:3]:
        assert name in said[job]
    for job in ("POSTEDSALESINV-INV", "ITEM-PRODUCT", "RESOURCE-PRODUCT"):
        assert "by default, as" in said[job]
        assert {"to-dataverse", "from-dataverse"} <= {
            word.strip(".;,") for word in said[job].split()
        }
