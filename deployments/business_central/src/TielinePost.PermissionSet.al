permissionset 50103 "Tieline Post"
{
    Assignable = true;
    Caption = 'Tieline: post sales invoices from Dataverse';

    // Posting touches the ledgers by way of the product's own codeunits; which of them,
    // its own permission set knows best.
    IncludedPermissionSets = "D365 SALES DOC, POST";
}
