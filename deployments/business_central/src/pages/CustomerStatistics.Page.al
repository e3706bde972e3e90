page 50114 "Tieline Customer Statistics"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'customerStatistics', Locked = true;
    DataAccessIntent = ReadOnly;
    DelayedInsert = true;
    DeleteAllowed = false;
    Editable = false;
    EntityName = 'customerStatistic';
    EntitySetName = 'customerStatistics';
    Extensible = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = Customer;

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
                    Editable = false;
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'displayName', Locked = true;
                    Editable = false;
                }
                field(balance; Rec."Balance (LCY)")
                {
                    Caption = 'balance', Locked = true;
                    Editable = false;
                }
                field(outstandingOrders; Rec."Outstanding Orders (LCY)")
                {
                    Caption = 'outstandingOrders', Locked = true;
                    Editable = false;
                }
                field(shippedNotInvoiced; Rec."Shipped Not Invoiced (LCY)")
                {
                    Caption = 'shippedNotInvoiced', Locked = true;
                    Editable = false;
                }
                field(outstandingInvoices; Rec."Outstanding Invoices (LCY)")
                {
                    Caption = 'outstandingInvoices', Locked = true;
                    Editable = false;
                }
                field(totalAmount; TotalAmount)
                {
                    Caption = 'totalAmount', Locked = true;
                    Editable = false;
                }
                field(creditLimit; Rec."Credit Limit (LCY)")
                {
                    Caption = 'creditLimit', Locked = true;
                    Editable = false;
                }
                field(overdueAmount; OverdueAmount)
                {
                    Caption = 'overdueAmount', Locked = true;
                    Editable = false;
                }
                field(overdueAsOf; OverdueAsOf)
                {
                    Caption = 'overdueAsOf', Locked = true;
                    Editable = false;
                }
                field(totalSales; TotalSales)
                {
                    Caption = 'totalSales', Locked = true;
                    Editable = false;
                }
                field(invoicedPrepaymentAmount; InvoicedPrepaymentAmount)
                {
                    Caption = 'invoicedPrepaymentAmount', Locked = true;
                    Editable = false;
                }
                field(lastActivityDateTime; LastActivityDateTime)
                {
                    Caption = 'lastActivityDateTime', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        Computed: Codeunit "Tieline Computed Fields";
        TotalAmount: Decimal;
        OverdueAmount: Decimal;
        OverdueAsOf: Date;
        TotalSales: Decimal;
        InvoicedPrepaymentAmount: Decimal;
        LastActivityDateTime: DateTime;

    trigger OnAfterGetRecord()
    begin
        TotalAmount := Rec.GetTotalAmountLCY();
        OverdueAmount := Rec.CalcOverdueBalance();
        OverdueAsOf := WorkDate();
        TotalSales := Rec.GetSalesLCY();
        InvoicedPrepaymentAmount := Rec.GetInvoicedPrepmtAmountLCY();
        LastActivityDateTime := Computed.LastActivityAt(Rec."No.");
    end;
}
