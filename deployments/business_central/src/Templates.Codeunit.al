codeunit 50101 "Tieline Templates"
{
    Access = Internal;

    // A template gives the number series, and every value that the caller left empty.
    // It is applied after the insert, because dimensions need the record to exist.

    procedure InsertCustomer(var Customer: Record Customer; TemplateCode: Code[20])
    var
        CustomerTempl: Record "Customer Templ.";
        CustomerTemplMgt: Codeunit "Customer Templ. Mgt.";
    begin
        if TemplateCode = '' then
            TemplateCode := DefaultCustomerTemplate();
        if TemplateCode = '' then begin
            Customer.Insert(true);
            exit;
        end;
        CustomerTempl.Get(TemplateCode);
        if (Customer."No." = '') and (CustomerTempl."No. Series" <> '') then begin
            Customer."No. Series" := CustomerTempl."No. Series";
            Customer."No." := NextNumber(CustomerTempl."No. Series");
        end;
        Customer.Insert(true);
        CustomerTemplMgt.ApplyCustomerTemplate(Customer, CustomerTempl);
    end;

    procedure InsertItem(var Item: Record Item; TemplateCode: Code[20])
    var
        ItemTempl: Record "Item Templ.";
        ItemTemplMgt: Codeunit "Item Templ. Mgt.";
    begin
        if TemplateCode = '' then
            TemplateCode := DefaultItemTemplate();
        if TemplateCode = '' then begin
            Item.Insert(true);
            exit;
        end;
        ItemTempl.Get(TemplateCode);
        if (Item."No." = '') and (ItemTempl."No. Series" <> '') then begin
            Item."No. Series" := ItemTempl."No. Series";
            Item."No." := NextNumber(ItemTempl."No. Series");
        end;
        Item.Insert(true);
        ItemTemplMgt.ApplyItemTemplate(Item, ItemTempl);
    end;

    // Without a code the first template applies: for customers the first without a
    // currency, because a blank currency stands for the local one.

    local procedure DefaultCustomerTemplate(): Code[20]
    var
        CustomerTempl: Record "Customer Templ.";
    begin
        CustomerTempl.SetRange("Currency Code", '');
        if CustomerTempl.FindFirst() then
            exit(CustomerTempl.Code);
        exit('');
    end;

    local procedure DefaultItemTemplate(): Code[20]
    var
        ItemTempl: Record "Item Templ.";
    begin
        if ItemTempl.FindFirst() then
            exit(ItemTempl.Code);
        exit('');
    end;

    local procedure NextNumber(SeriesCode: Code[20]): Code[20]
    var
        NoSeries: Codeunit "No. Series";
    begin
        exit(NoSeries.GetNextNo(SeriesCode));
    end;
}
