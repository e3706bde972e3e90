"""What does the sync log say of a run, where no server is needed to know it?"""

from __future__ import annotations

from tasks.log import _plan_description, artifact_key
from tieline.report import JobReport, PlannedChange

CHANGE = PlannedChange("to-dataverse", "restore", "a", None, ())


def test_a_run_that_stopped_itself_has_no_plan_to_apply():
    """Its changes are shown; only those of a dry run can be carried out."""
    stopped = JobReport("CUSTOMER", changes=[CHANGE], error_code="TL-401")
    assert "1 change before which the run stopped" == _plan_description(stopped)
    planned = JobReport("CUSTOMER", changes=[CHANGE], plan_id="p")
    assert "`tieline apply p` carries it out" in _plan_description(planned)


def test_artifacts_have_the_key_of_their_job():
    """One key over all runs of a job, as Prefect wants it written."""
    assert "customer-errors" == artifact_key(JobReport("CUSTOMER"), "errors")
