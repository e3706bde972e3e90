page 50108 "Tieline Resources"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'resources', Locked = true;
    DelayedInsert = true;
    EntityName = 'resource';
    EntitySetName = 'resources';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = Resource;

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
                field(number; Rec."No.")
                {
                    Caption = 'number', Locked = true;
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'displayName', Locked = true;
                }
                field("type"; Rec.Type)
                {
                    Caption = 'type', Locked = true;
                }
                field(blocked; Rec.Blocked)
                {
                    Caption = 'blocked', Locked = true;
                }
                field(baseUnitOfMeasureCode; Rec."Base Unit of Measure")
                {
                    Caption = 'baseUnitOfMeasureCode', Locked = true;
                }
                field(unitPrice; Rec."Unit Price")
                {
                    Caption = 'unitPrice', Locked = true;
                }
                field(unitCost; Rec."Unit Cost")
                {
                    Caption = 'unitCost', Locked = true;
                }
                field(vendorNumber; Rec."Vendor No.")
                {
                    Caption = 'vendorNumber', Locked = true;
                }
                field(vendorName; VendorName)
                {
                    Caption = 'vendorName', Locked = true;
                    Editable = false;
                }
                field(capacity; Rec.Capacity)
                {
                    Caption = 'capacity', Locked = true;
                    Editable = false;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'lastModifiedDateTime', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        Computed: Codeunit "Tieline Computed Fields";
        VendorName: Text[100];

    trigger OnAfterGetRecord()
    begin
        Show();
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(VendorName);
    end;

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        Rec.Insert(true);
        Show();
        exit(false);
    end;

    trigger OnModifyRecord(): Boolean
    begin
        Rec.Modify(true);
        Show();
        exit(false);
    end;

    local procedure Show()
    begin
        VendorName := Computed.VendorName(Rec."Vendor No.");
    end;
}
