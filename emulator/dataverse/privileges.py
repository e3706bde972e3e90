"""Security roles: which privileges a user has, and which ones a request needs.

Users whose roles nobody set are administrators. Several tables share privileges: those
of the product catalog, and the lines of an invoice with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from emulator.dataverse.addressing import Segment
from emulator.dataverse.exchange import Answer, Request, done
from emulator.dataverse.plain import query_items
from emulator.dataverse.refusals import (
    Refusal,
    bad_query,
    invalid,
    missing_row,
    no_segment,
    wrong_method,
)
from emulator.dataverse.schema import Column, Table
from emulator.dataverse.security import Role
from emulator.odata.query import parse_expand

if TYPE_CHECKING:
    from emulator.dataverse.organization import Organization

VERBS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign")
_SHARED = {
    "systemuser": "User",
    "pricelevel": "Product",
    "productpricelevel": "Product",
    "uomschedule": "Product",
    "uom": "Product",
    "invoicedetail": "Invoice",
    "salesorder": "Order",
}
OTHERS = frozenset(
    {
        *("prvReadEntity", "prvReadAttribute", "prvWriteAttribute"),
        *("prvPublishCustomization", "prvReadSdkMessage", "prvReadRole"),
        *("prvOverridePricingInvoice",),
    }
)
"""Privileges that belong to no table of business."""
_ACTION = "Microsoft.Dynamics.CRM.ReplacePrivilegesRole"
_DEPTHS = frozenset({"Basic", "Local", "Deep", "Global"})
_OWNER = "ownerid"


def privilege_of(table: Table, verb: str) -> str:
    """Return the privilege that a table asks for."""
    return f"prv{verb}{_SHARED.get(table.name, table.schema_name)}"


def privilege_id(name: str) -> str:
    """Return the id of a privilege."""
    return str(uuid5(NAMESPACE_OID, name))


def privileges_of(table: Table) -> list[dict[str, Any]]:
    """Return the privileges of a table as its definition lists them."""
    is_owned = _OWNER in table.columns
    return [
        {
            "CanBeBasic": is_owned,
            "CanBeDeep": is_owned,
            "CanBeGlobal": True,
            "CanBeLocal": is_owned,
            "CanBeEntityReference": False,
            "CanBeParentEntityReference": False,
            "Name": name,
            "PrivilegeId": privilege_id(name),
            "PrivilegeType": verb,
        }
        for verb in VERBS
        if verb != "Assign" or is_owned
        for name in (privilege_of(table, verb),)
    ]


def demand(org: Organization, user: str, name: str, table: Table | None = None) -> None:
    """Make sure that a user has a privilege.

    Raises:
        Refusal: it has not.
    """
    if org.security.has(user, name):
        return
    about = f" on OTC={table.code} for entity '{table.name}'" if table else ""
    raise Refusal(
        403,
        "0x80040220",
        f"Principal user (Id={user}, type=8, roleCount=1, accessMode=4) is missing "
        f"{name} privilege (Id={privilege_id(name)}){about}. context.Caller={user}.",
    )


def demand_on(org: Organization, user: str, table: Table, verb: str) -> None:
    """Make sure that a user may do something with a table. Raises Refusal."""
    demand(org, user, privilege_of(table, verb), table)


def demand_links(
    org: Organization, user: str, table: Table, values: Mapping[str, Any]
) -> None:
    """Make sure that a user may let a row refer to the rows that it refers to.

    An owner is assigned, every other reference appended.

    Raises:
        Refusal: a privilege is missing.
    """
    if values.get("ispriceoverridden") and table.name == "invoicedetail":
        demand(org, user, "prvOverridePricingInvoice", table)
    for wire, value in values.items():
        column = table.by_wire.get(wire)
        if column is None or not column.is_lookup or not value or wire == table.key:
            continue
        if column.name == _OWNER:
            if value != user:
                demand_on(org, user, table, "Assign")
            continue
        demand_on(org, user, table, "Append")
        target = _target(org, column, str(value))
        if target is not None:
            demand_on(org, user, target, "AppendTo")


def demand_shown(org: Organization, table: Table, request: Request) -> None:
    """Make sure that a user may read a table, and those that `$expand` shows of it.

    Raises:
        Refusal: a privilege is missing.
    """
    demand_on(org, request.user, table, "Read")
    if request.user not in org.security.of_user or "$expand" not in request.options:
        return
    for one in parse_expand(request.options["$expand"]):
        name = one.path.partition("/")[0]
        if name in table.collections:
            names: tuple[str, ...] = (table.collections[name].table,)
        else:
            found = table.navigations.get(name)
            names = found.targets if found else ()
        for target in names:
            demand_on(org, request.user, org.schema.tables[target], "Read")


def _target(org: Organization, column: Column, row_id: str) -> Table | None:
    for name in column.targets:
        if row_id in org.data[name].by_id:
            return org.schema.tables[name]
    return None


def answer_roles(
    org: Organization, path: list[Segment], request: Request
) -> Answer | None:
    """Answer what is asked of `roles` and `privileges`, or None for other paths.

    Raises:
        Refusal: a wrong method, an unknown role or privilege, a missing name.
    """
    first = path[0]
    if first.name == "privileges" and len(path) == 1:
        tables = org.schema.tables.values()
        names = {one["Name"] for table in tables for one in privileges_of(table)}
        items = [
            {"privilegeid": privilege_id(name), "name": name}
            for name in sorted(names | OTHERS)
        ]
        return query_items(items, request, "privileges", frozenset())
    if first.name != "roles":
        return None
    if first.key is None and len(path) == 1:
        return _all_roles(org, request)
    role = org.security.roles.get((first.key or "").lower())
    if role is None:
        raise missing_row("Role", str(first.key))
    if [one.name for one in path[1:]] != [_ACTION]:
        raise no_segment(path[-1].name)
    if request.method != "POST":
        raise wrong_method(request.method)
    role.privileges = frozenset(_named(org, request.json().get("Privileges")))
    return done()


def _all_roles(org: Organization, request: Request) -> Answer:
    if request.method == "GET":
        items = [
            {"roleid": id_, "name": one.name, "_businessunitid_value": one.unit}
            for id_, one in org.security.roles.items()
        ]
        return query_items(items, request, "roles", frozenset())
    if request.method != "POST":
        raise wrong_method(request.method)
    body = request.json()
    unit = str(body.get("businessunitid@odata.bind", ""))
    if not body.get("name"):
        raise invalid("Required field 'name' of entity 'role' is missing.")
    if not unit.endswith(f"({org.people.business_unit})"):
        raise invalid("Required field 'businessunitid' of entity 'role' is missing.")
    role_id = str(uuid4())
    org.security.roles[role_id] = Role(str(body["name"]), org.people.business_unit)
    url = f"{request.root}roles({role_id})"
    return done({"OData-EntityId": url, "Location": url})


def _named(org: Organization, privileges: Any) -> list[str]:
    """Return the names of the privileges that a body lists by id and depth."""
    known = {
        one["PrivilegeId"]: one["Name"]
        for table in org.schema.tables.values()
        for one in privileges_of(table)
    } | {privilege_id(name): name for name in OTHERS}
    if not isinstance(privileges, list):
        raise bad_query("The parameter 'Privileges' is required.")
    names = []
    for one in privileges:
        if one.get("Depth") not in _DEPTHS or one.get("PrivilegeId") not in known:
            raise invalid("A privilege has no depth, or is none of this organization.")
        names.append(known[one["PrivilegeId"]])
    return names


def assign_role(org: Organization, user: str, request: Request) -> Answer:
    """Answer `POST systemusers(…)/systemuserroles_association/$ref`.

    Raises:
        Refusal: the wrong method, or no such role.
    """
    if request.method != "POST":
        raise wrong_method(request.method)
    link = str(request.json().get("@odata.id", ""))
    role_id = link.rpartition("(")[2].rstrip(")").lower()
    if role_id not in org.security.roles:
        raise missing_row("Role", role_id)
    org.security.of_user.setdefault(user, set()).add(role_id)
    return done()
