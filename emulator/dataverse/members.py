"""Members that every definition has in an organization, and that clients select."""

from __future__ import annotations

from typing import Any

_MANAGED_OF_TABLE = (
    "IsAuditEnabled",
    "IsValidForQueue",
    "IsConnectionsEnabled",
    "IsCustomizable",
    "IsRenameable",
    "IsMappable",
    "IsDuplicateDetectionEnabled",
    "IsMailMergeEnabled",
    "IsVisibleInMobile",
    "IsVisibleInMobileClient",
    "IsReadOnlyInMobileClient",
    "IsOfflineInMobileClient",
    "CanCreateAttributes",
    "CanCreateForms",
    "CanCreateViews",
    "CanCreateCharts",
    "CanBeRelatedEntityInRelationship",
    "CanBePrimaryEntityInRelationship",
    "CanBeInManyToMany",
    "CanBeInCustomEntityAssociation",
    "CanEnableSyncToExternalSearchIndex",
    "CanModifyAdditionalSettings",
    "CanChangeHierarchicalRelationship",
    "CanChangeTrackingBeEnabled",
)
_PLAIN_OF_TABLE: dict[str, Any] = {
    "ActivityTypeMask": 0,
    "AutoCreateAccessTeams": False,
    "AutoRouteToOwnerQueue": False,
    "CanTriggerWorkflow": True,
    "DataProviderId": None,
    "DataSourceId": None,
    "DaysSinceRecordLastModified": 0,
    "EnforceStateTransitions": False,
    "EntityColor": None,
    "EntityHelpUrl": None,
    "EntityHelpUrlEnabled": False,
    "ExternalCollectionName": None,
    "ExternalName": None,
    "HasActivities": False,
    "HasChanged": None,
    "HasEmailAddresses": False,
    "HasFeedback": False,
    "HasNotes": False,
    "IconLargeName": None,
    "IconMediumName": None,
    "IconSmallName": None,
    "IconVectorName": None,
    "IntroducedVersion": "5.0.0.0",
    "IsAIRUpdated": False,
    "IsActivity": False,
    "IsActivityParty": False,
    "IsAvailableOffline": False,
    "IsBPFEntity": False,
    "IsBusinessProcessEnabled": False,
    "IsChildEntity": False,
    "IsDocumentManagementEnabled": False,
    "IsEnabledForCharts": True,
    "IsEnabledForExternalChannels": False,
    "IsEnabledForTrace": False,
    "IsImportable": True,
    "IsInteractionCentricEnabled": False,
    "IsIntersect": False,
    "IsKnowledgeManagementEnabled": False,
    "IsLogicalEntity": False,
    "IsManaged": True,
    "IsOneNoteIntegrationEnabled": False,
    "IsOptimisticConcurrencyEnabled": True,
    "IsQuickCreateEnabled": False,
    "IsReadingPaneEnabled": True,
    "IsSLAEnabled": False,
    "IsSolutionAware": False,
    "IsStateModelAware": False,
    "IsValidForAdvancedFind": True,
    "MobileOfflineFilters": "",
    "PrimaryImageAttribute": None,
    "RecurrenceBaseEntityLogicalName": None,
    "SyncToExternalSearchIndex": False,
    "TableType": "Standard",
    "UsesBusinessDataLabelTable": False,
}
_MANAGED_OF_COLUMN = (
    "IsAuditEnabled",
    "IsCustomizable",
    "IsRenameable",
    "IsValidForAdvancedFind",
    "IsSortableEnabled",
    "IsGlobalFilterEnabled",
    "CanModifyAdditionalSettings",
)
_PLAIN_OF_COLUMN: dict[str, Any] = {
    "AttributeOf": None,
    "AutoNumberFormat": None,
    "CanBeSecuredForCreate": False,
    "CanBeSecuredForRead": False,
    "CanBeSecuredForUpdate": False,
    "DeprecatedVersion": None,
    "ExternalName": None,
    "HasChanged": None,
    "InheritsFrom": None,
    "IntroducedVersion": "5.0.0.0",
    "IsDataSourceSecret": False,
    "IsFilterable": True,
    "IsLogical": False,
    "IsManaged": True,
    "IsRequiredForForm": False,
    "IsRetrievable": True,
    "IsSearchable": True,
    "IsSecured": False,
    "IsValidForForm": True,
    "IsValidForGrid": True,
    "IsValidODataAttribute": True,
    "LinkedAttributeId": None,
    "SourceType": 0,
}


def members_of_table() -> dict[str, Any]:
    """Return what EntityMetadata has beside what the emulated table decides."""
    return _PLAIN_OF_TABLE | _managed(_MANAGED_OF_TABLE)


def members_of_column(number: int) -> dict[str, Any]:
    """Return what AttributeMetadata has beside what the column decides."""
    managed = _managed(_MANAGED_OF_COLUMN)
    return _PLAIN_OF_COLUMN | managed | {"ColumnNumber": number}


def declared_types() -> str:
    """Return the CSDL of the definitions' own types."""
    table = {**_of_table(), "ChangeTrackingEnabled": False, "ObjectTypeCode": 0}
    column = {**_of_column(), **members_of_column(0)}
    managed = (
        '<ComplexType Name="BooleanManagedProperty">'
        '<Property Name="Value" Type="Edm.Boolean"/>'
        '<Property Name="CanBeChanged" Type="Edm.Boolean"/>'
        '<Property Name="ManagedPropertyLogicalName" Type="Edm.String"/></ComplexType>'
    )
    return (
        managed
        + _type("EntityMetadata", {**table, **members_of_table()}, _ATTRIBUTES)
        + _type("AttributeMetadata", column, "")
    )


_ATTRIBUTES = (
    '<NavigationProperty Name="Attributes" '
    'Type="Collection(mscrm.AttributeMetadata)" ContainsTarget="true"/>'
)


def _of_table() -> dict[str, Any]:
    names = ("LogicalName", "SchemaName", "EntitySetName", "LogicalCollectionName")
    return dict.fromkeys((*names, "PrimaryIdAttribute", "PrimaryNameAttribute"), "")


def _of_column() -> dict[str, Any]:
    names = ("LogicalName", "SchemaName", "EntityLogicalName", "AttributeType")
    return dict.fromkeys(names, "")


def _type(name: str, members: dict[str, Any], rest: str) -> str:
    properties = "".join(
        f'<Property Name="{one}" Type="{_edm(value)}"/>'
        for one, value in members.items()
    )
    return (
        f'<EntityType Name="{name}"><Key><PropertyRef Name="MetadataId"/></Key>'
        f'<Property Name="MetadataId" Type="Edm.Guid" Nullable="false"/>'
        f"{properties}{rest}</EntityType>"
    )


def _edm(value: Any) -> str:
    if isinstance(value, bool):
        return "Edm.Boolean"
    if isinstance(value, dict):
        return "mscrm.BooleanManagedProperty"
    return "Edm.Int32" if isinstance(value, int) else "Edm.String"


def _managed(names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: {
            "Value": True,
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": name.lower(),
        }
        for name in names
    }
