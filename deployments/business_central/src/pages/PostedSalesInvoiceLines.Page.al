page 50113 "Tieline Posted Invoice Lines"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'postedSalesInvoiceLines', Locked = true;
    DataAccessIntent = ReadOnly;
    DelayedInsert = true;
    DeleteAllowed = false;
    Editable = false;
    EntityName = 'postedSalesInvoiceLine';
    EntitySetName = 'postedSalesInvoiceLines';
    Extensible = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Sales Invoice Line";

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
                field(documentId; DocumentId)
                {
                    Caption = 'documentId', Locked = true;
                    Editable = false;
                }
                field(sequence; Rec."Line No.")
                {
                    Caption = 'sequence', Locked = true;
                    Editable = false;
                }
                field(lineType; Rec.Type)
                {
                    Caption = 'lineType', Locked = true;
                    Editable = false;
                }
                field(lineObjectNumber; Rec."No.")
                {
                    Caption = 'lineObjectNumber', Locked = true;
                    Editable = false;
                }
                field(description; Rec.Description)
                {
                    Caption = 'description', Locked = true;
                    Editable = false;
                }
                field(unitOfMeasureCode; Rec."Unit of Measure Code")
                {
                    Caption = 'unitOfMeasureCode', Locked = true;
                    Editable = false;
                }
                field(quantity; Rec.Quantity)
                {
                    Caption = 'quantity', Locked = true;
                    Editable = false;
                }
                field(unitPrice; Rec."Unit Price")
                {
                    Caption = 'unitPrice', Locked = true;
                    Editable = false;
                }
                field(lineDiscountAmount; Rec."Line Discount Amount")
                {
                    Caption = 'lineDiscountAmount', Locked = true;
                    Editable = false;
                }
                field(invoiceDiscountAmount; Rec."Inv. Discount Amount")
                {
                    Caption = 'invoiceDiscountAmount', Locked = true;
                    Editable = false;
                }
                field(amountExcludingTax; Rec.Amount)
                {
                    Caption = 'amountExcludingTax', Locked = true;
                    Editable = false;
                }
                field(amountIncludingTax; Rec."Amount Including VAT")
                {
                    Caption = 'amountIncludingTax', Locked = true;
                    Editable = false;
                }
                field(shipmentDate; Rec."Shipment Date")
                {
                    Caption = 'shipmentDate', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        Computed: Codeunit "Tieline Computed Fields";
        DocumentId: Guid;

    trigger OnAfterGetRecord()
    begin
        DocumentId := Computed.PostedInvoiceId(Rec."Document No.");
    end;
}
