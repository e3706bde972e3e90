page 50102 "Tieline Currencies"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'currencies', Locked = true;
    DelayedInsert = true;
    EntityName = 'currency';
    EntitySetName = 'currencies';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = Currency;

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
                field("code"; Rec.Code)
                {
                    Caption = 'code', Locked = true;
                }
                field(displayName; Rec.Description)
                {
                    Caption = 'displayName', Locked = true;
                }
                field(symbol; Rec.Symbol)
                {
                    Caption = 'symbol', Locked = true;
                }
                field(currencyFactor; CurrencyFactor)
                {
                    Caption = 'currencyFactor', Locked = true;
                    Editable = false;
                }
                field(exchangeRateModifiedDateTime; ExchangeRateModifiedDateTime)
                {
                    Caption = 'exchangeRateModifiedDateTime', Locked = true;
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
        CurrencyFactor: Decimal;
        ExchangeRateModifiedDateTime: DateTime;

    trigger OnAfterGetRecord()
    begin
        Show();
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(CurrencyFactor);
        Clear(ExchangeRateModifiedDateTime);
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
        CurrencyFactor := Computed.CurrencyFactor(Rec.Code);
        ExchangeRateModifiedDateTime := Computed.ExchangeRateModifiedAt(Rec.Code);
    end;
}
