page 50107 "Tieline Items"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'items', Locked = true;
    DelayedInsert = true;
    EntityName = 'item';
    EntitySetName = 'items';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = Item;

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
                field(displayName; Rec.Description)
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
                field(unitVolume; Rec."Unit Volume")
                {
                    Caption = 'unitVolume', Locked = true;
                }
                field(grossWeight; Rec."Gross Weight")
                {
                    Caption = 'grossWeight', Locked = true;
                }
                field(vendorNumber; Rec."Vendor No.")
                {
                    Caption = 'vendorNumber', Locked = true;
                }
                field(vendorItemNumber; Rec."Vendor Item No.")
                {
                    Caption = 'vendorItemNumber', Locked = true;
                }
                field(vendorName; VendorName)
                {
                    Caption = 'vendorName', Locked = true;
                    Editable = false;
                }
                field(inventory; Rec.Inventory)
                {
                    Caption = 'inventory', Locked = true;
                    Editable = false;
                }
                field(templateCode; TemplateCode)
                {
                    Caption = 'templateCode', Locked = true;
                }
                field(inventoryModifiedDateTime; InventoryModifiedDateTime)
                {
                    Caption = 'inventoryModifiedDateTime', Locked = true;
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
        Templates: Codeunit "Tieline Templates";
        TemplateCode: Code[20];
        VendorName: Text[100];
        InventoryModifiedDateTime: DateTime;
        TemplateOnInsertErr: Label 'The property "templateCode" can be set only when a record is created.', Comment = 'templateCode is the name of a property and stays as it is.';

    trigger OnAfterGetRecord()
    begin
        Show();
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(VendorName);
        Clear(InventoryModifiedDateTime);
        Clear(TemplateCode);
    end;

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        Templates.InsertItem(Rec, TemplateCode);
        Show();
        exit(false);
    end;

    trigger OnModifyRecord(): Boolean
    begin
        if TemplateCode <> '' then
            Error(TemplateOnInsertErr);
        Rec.Modify(true);
        Show();
        exit(false);
    end;

    local procedure Show()
    begin
        TemplateCode := '';
        VendorName := Computed.VendorName(Rec."Vendor No.");
        InventoryModifiedDateTime := Computed.InventoryModifiedAt(Rec."No.");
    end;
}
