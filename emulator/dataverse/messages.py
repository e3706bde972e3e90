"""Unbound functions and actions, and the sets that describe the service itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.dataverse.actions import unlock_invoice_pricing
from emulator.dataverse.bulk import delete_in_bulk
from emulator.dataverse.exchange import Answer, Request, answered, done
from emulator.dataverse.organization import BULK_MESSAGES, Organization
from emulator.dataverse.plain import query_items
from emulator.dataverse.privileges import demand
from emulator.dataverse.refusals import bad_query, wrong_method
from emulator.dataverse.registrations import filter_id, message_id

_ENTITY = re.compile(r"<entity>([^<]+)</entity>")
_NESTED = frozenset({"sdkmessageid"})


def who_am_i(org: Organization, request: Request) -> Answer:
    """Answer the function that tells a caller who it is."""
    return answered(
        {
            "@odata.context": f"{request.root}$metadata#Microsoft.Dynamics.CRM."
            "WhoAmIResponse",
            "BusinessUnitId": org.people.business_unit,
            "UserId": request.user,
            "OrganizationId": org.people.organization,
        }
    )


def service_document(org: Organization, request: Request) -> Answer:
    """Answer the root: every set."""
    sets = [
        {"name": table.set_name, "kind": "EntitySet", "url": table.set_name}
        for table in org.schema.tables.values()
    ]
    return answered({"@odata.context": f"{request.root}$metadata", "value": sets})


def message_filters(org: Organization, request: Request) -> Answer:
    """Answer sdkmessagefilters: which message every table offers."""
    demand(org, request.user, "prvReadSdkMessage")
    items = [
        {
            "sdkmessagefilterid": filter_id(table.name, message),
            "primaryobjecttypecode": table.name,
            "_sdkmessageid_value": message_id(message),
            "sdkmessageid": {
                "name": message,
                "sdkmessageid": message_id(message),
            },
        }
        for table in org.schema.tables.values()
        for message in ("Create", "Update", "Delete", *sorted(BULK_MESSAGES))
        if message not in BULK_MESSAGES or message in org.bulk[table.name]
    ]
    return query_items(items, request, "sdkmessagefilters", _NESTED)


def system_jobs(org: Organization, request: Request) -> Answer:
    """Answer asyncoperations: the jobs that were started, all of them done."""
    items = [
        {
            "asyncoperationid": job.id,
            "name": job.name,
            "createdon": job.created,
            "completedon": job.created,
            "message": job.message or None,
            "operationtype": 13,
            "statecode": 3,
            "statuscode": 30,
        }
        for job in org.jobs
    ]
    return query_items(items, request, "asyncoperations", frozenset())


def _insert_option(org: Organization, request: Request) -> Answer:
    demand(org, request.user, "prvWriteAttribute")
    body = request.json()
    value = body.get("Value")
    if value is not None and not isinstance(value, int):
        raise bad_query("The parameter 'Value' must be a whole number.")
    new = org.options.insert(*_column(body), _label(body), value)
    context = (
        f"{request.root}$metadata#Microsoft.Dynamics.CRM.InsertOptionValueResponse"
    )
    return answered({"@odata.context": context, "NewOptionValue": new})


def _update_option(org: Organization, request: Request) -> Answer:
    body = request.json()
    org.options.relabel(*_column(body), _value(body), _label(body))
    return done()


def _delete_option(org: Organization, request: Request) -> Answer:
    body = request.json()
    org.options.delete(*_column(body), _value(body))
    return done()


def _publish(org: Organization, request: Request) -> Answer:
    demand(org, request.user, "prvPublishCustomization")
    xml = request.json().get("ParameterXml")
    if not isinstance(xml, str):
        raise bad_query("The parameter 'ParameterXml' is required.")
    org.options.publish({name.strip() for name in _ENTITY.findall(xml)})
    return done()


def _publish_all(org: Organization, request: Request) -> Answer:
    org.options.publish()
    return done()


def _column(body: Mapping[str, Any]) -> tuple[str, str]:
    return str(body.get("EntityLogicalName")), str(body.get("AttributeLogicalName"))


def _value(body: Mapping[str, Any]) -> int:
    value = body.get("Value")
    if not isinstance(value, int):
        raise bad_query("The parameter 'Value' is required.")
    return value


def _label(body: Mapping[str, Any]) -> str:
    try:
        label = body["Label"]["LocalizedLabels"][0]["Label"]
    except (KeyError, IndexError, TypeError):
        raise bad_query("The parameter 'Label' holds no localized label.") from None
    if not isinstance(label, str) or not label.strip():
        raise bad_query("The parameter 'Label' holds no localized label.")
    return label


Handler = Callable[[Organization, Request], Answer]

FUNCTIONS: Mapping[str, Handler] = {
    "WhoAmI": who_am_i,
    "sdkmessagefilters": message_filters,
    "asyncoperations": system_jobs,
}
ACTIONS: Mapping[str, Handler] = {
    "InsertOptionValue": _insert_option,
    "UpdateOptionValue": _update_option,
    "DeleteOptionValue": _delete_option,
    "PublishXml": _publish,
    "PublishAllXml": _publish_all,
    "BulkDelete": delete_in_bulk,
    "UnlockInvoicePricing": unlock_invoice_pricing,
}


def send_message(org: Organization, name: str, request: Request) -> Answer | None:
    """Answer an unbound function or action, or None when `name` is none.

    Raises:
        Refusal: the wrong method, or the message refuses.
    """
    name = name.removesuffix("()")
    for handlers, method in ((FUNCTIONS, "GET"), (ACTIONS, "POST")):
        if name in handlers:
            if request.method != method:
                raise wrong_method(request.method)
            return handlers[name](org, request)
    return None
