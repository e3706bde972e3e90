permissionset 50102 "Tieline Delete"
{
    Assignable = true;
    Caption = 'Tieline: delete what it made, in UNDO and RESOLVE';
    Permissions =
        tabledata Customer = D,
        tabledata Contact = D,
        tabledata Item = D,
        tabledata Resource = D,
        tabledata "Salesperson/Purchaser" = D;
}
