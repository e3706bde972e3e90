page 50119 "Tieline Sync Setup"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'syncSetups', Locked = true;
    DataAccessIntent = ReadOnly;
    DelayedInsert = true;
    DeleteAllowed = false;
    Editable = false;
    EntityName = 'syncSetup';
    EntitySetName = 'syncSetups';
    Extensible = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "General Ledger Setup";

    layout
    {
        area(Content)
        {
            repeater(Records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'id', Locked = true;
                    Editable = false;
                }
                field(localCurrencyCode; Rec."LCY Code")
                {
                    Caption = 'localCurrencyCode', Locked = true;
                    Editable = false;
                }
                field(unitAmountRoundingPrecision; Rec."Unit-Amount Rounding Precision")
                {
                    Caption = 'unitAmountRoundingPrecision', Locked = true;
                    Editable = false;
                }
                field(writeInProductType; SalesReceivablesSetup."Write-in Product Type")
                {
                    Caption = 'writeInProductType', Locked = true;
                    Editable = false;
                }
                field(writeInProductNumber; SalesReceivablesSetup."Write-in Product No.")
                {
                    Caption = 'writeInProductNumber', Locked = true;
                    Editable = false;
                }
                field(workDate; CurrentWorkDate)
                {
                    Caption = 'workDate', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        SalesReceivablesSetup: Record "Sales & Receivables Setup";
        CurrentWorkDate: Date;

    trigger OnAfterGetRecord()
    begin
        if not SalesReceivablesSetup.Get() then
            Clear(SalesReceivablesSetup);
        CurrentWorkDate := WorkDate();
    end;
}
