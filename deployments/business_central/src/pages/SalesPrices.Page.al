#if not PRICELISTS
page 50111 "Tieline Sales Prices"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'salesPrices', Locked = true;
    DelayedInsert = true;
    EntityName = 'salesPrice';
    EntitySetName = 'salesPrices';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Sales Price";

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
                field(salesType; Rec."Sales Type")
                {
                    Caption = 'salesType', Locked = true;
                }
                field(salesCode; Rec."Sales Code")
                {
                    Caption = 'salesCode', Locked = true;
                }
                field(itemNumber; Rec."Item No.")
                {
                    Caption = 'itemNumber', Locked = true;
                }
                field(variantCode; Rec."Variant Code")
                {
                    Caption = 'variantCode', Locked = true;
                }
                field(currencyCode; Rec."Currency Code")
                {
                    Caption = 'currencyCode', Locked = true;
                }
                field(unitOfMeasureCode; Rec."Unit of Measure Code")
                {
                    Caption = 'unitOfMeasureCode', Locked = true;
                }
                field(minimumQuantity; Rec."Minimum Quantity")
                {
                    Caption = 'minimumQuantity', Locked = true;
                }
                field(unitPrice; Rec."Unit Price")
                {
                    Caption = 'unitPrice', Locked = true;
                }
                field(startingDate; Rec."Starting Date")
                {
                    Caption = 'startingDate', Locked = true;
                }
                field(endingDate; Rec."Ending Date")
                {
                    Caption = 'endingDate', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'lastModifiedDateTime', Locked = true;
                    Editable = false;
                }
            }
        }
    }
}
#endif
