codeunit 50100 "Tieline Computed Fields"
{
    Access = Internal;

    // The newest change is found by sorting on SystemModifiedAt: one row is read,
    // however many entries there are.

    procedure CompanyContactNumber(CustomerNo: Code[20]): Code[20]
    var
        ContactBusinessRelation: Record "Contact Business Relation";
    begin
        ContactBusinessRelation.SetLoadFields("Contact No.");
        ContactBusinessRelation.SetRange("Link to Table", ContactBusinessRelation."Link to Table"::Customer);
        ContactBusinessRelation.SetRange("No.", CustomerNo);
        if ContactBusinessRelation.FindFirst() then
            exit(ContactBusinessRelation."Contact No.");
    end;

    procedure CompanyCustomerNumber(CompanyNo: Code[20]): Code[20]
    var
        ContactBusinessRelation: Record "Contact Business Relation";
    begin
        if CompanyNo = '' then
            exit('');
        ContactBusinessRelation.SetLoadFields("No.");
        ContactBusinessRelation.SetRange("Link to Table", ContactBusinessRelation."Link to Table"::Customer);
        ContactBusinessRelation.SetRange("Contact No.", CompanyNo);
        if ContactBusinessRelation.FindFirst() then
            exit(ContactBusinessRelation."No.");
    end;

    procedure CurrencyFactor(CurrencyCode: Code[10]): Decimal
    var
        CurrencyExchangeRate: Record "Currency Exchange Rate";
    begin
        // Asking for the rate of a currency that has none is an error, so look first.
        CurrencyExchangeRate.SetRange("Currency Code", CurrencyCode);
        CurrencyExchangeRate.SetRange("Starting Date", 0D, WorkDate());
        if CurrencyExchangeRate.IsEmpty() then
            exit(0);
        exit(CurrencyExchangeRate.ExchangeRate(WorkDate(), CurrencyCode));
    end;

    procedure ExchangeRateModifiedAt(CurrencyCode: Code[10]): DateTime
    var
        CurrencyExchangeRate: Record "Currency Exchange Rate";
    begin
        CurrencyExchangeRate.SetLoadFields(SystemModifiedAt);
        CurrencyExchangeRate.SetCurrentKey(SystemModifiedAt);
        CurrencyExchangeRate.SetRange("Currency Code", CurrencyCode);
        if CurrencyExchangeRate.FindLast() then
            exit(CurrencyExchangeRate.SystemModifiedAt);
    end;

    procedure VendorName(VendorNo: Code[20]): Text[100]
    var
        Vendor: Record Vendor;
    begin
        Vendor.SetLoadFields(Name);
        if VendorNo <> '' then
            if Vendor.Get(VendorNo) then
                exit(Vendor.Name);
    end;

    procedure InventoryModifiedAt(ItemNo: Code[20]): DateTime
    var
        ItemLedgerEntry: Record "Item Ledger Entry";
    begin
        ItemLedgerEntry.SetLoadFields(SystemModifiedAt);
        ItemLedgerEntry.SetCurrentKey(SystemModifiedAt);
        ItemLedgerEntry.SetRange("Item No.", ItemNo);
        if ItemLedgerEntry.FindLast() then
            exit(ItemLedgerEntry.SystemModifiedAt);
    end;

    procedure PaymentModifiedAt(CustLedgerEntryNo: Integer): DateTime
    var
        DetailedCustLedgEntry: Record "Detailed Cust. Ledg. Entry";
    begin
        if CustLedgerEntryNo = 0 then
            exit(0DT);
        DetailedCustLedgEntry.SetLoadFields(SystemModifiedAt);
        DetailedCustLedgEntry.SetCurrentKey(SystemModifiedAt);
        DetailedCustLedgEntry.SetRange("Cust. Ledger Entry No.", CustLedgerEntryNo);
        if DetailedCustLedgEntry.FindLast() then
            exit(DetailedCustLedgEntry.SystemModifiedAt);
    end;

    procedure LastActivityAt(CustomerNo: Code[20]) Newest: DateTime
    var
        CustLedgerEntry: Record "Cust. Ledger Entry";
        SalesLine: Record "Sales Line";
    begin
        CustLedgerEntry.SetLoadFields(SystemModifiedAt);
        CustLedgerEntry.SetCurrentKey(SystemModifiedAt);
        CustLedgerEntry.SetRange("Customer No.", CustomerNo);
        if CustLedgerEntry.FindLast() then
            Newest := CustLedgerEntry.SystemModifiedAt;
        SalesLine.SetLoadFields(SystemModifiedAt);
        SalesLine.SetCurrentKey(SystemModifiedAt);
        SalesLine.SetRange("Sell-to Customer No.", CustomerNo);
        if SalesLine.FindLast() then
            if SalesLine.SystemModifiedAt > Newest then
                Newest := SalesLine.SystemModifiedAt;
    end;

    procedure InvoiceNumber(CustLedgerEntryNo: Integer): Code[20]
    var
        CustLedgerEntry: Record "Cust. Ledger Entry";
    begin
        CustLedgerEntry.SetLoadFields("Document Type", "Document No.");
        if CustLedgerEntry.Get(CustLedgerEntryNo) then
            if CustLedgerEntry."Document Type" = CustLedgerEntry."Document Type"::Invoice then
                exit(CustLedgerEntry."Document No.");
    end;

    procedure PostedInvoiceId(DocumentNo: Code[20]): Guid
    var
        SalesInvoiceHeader: Record "Sales Invoice Header";
    begin
        SalesInvoiceHeader.SetLoadFields("No.");
        if SalesInvoiceHeader.Get(DocumentNo) then
            exit(SalesInvoiceHeader.SystemId);
    end;
}
