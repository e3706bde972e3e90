page 50100 "Tieline Customers"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'customers', Locked = true;
    DelayedInsert = true;
    EntityName = 'customer';
    EntitySetName = 'customers';
    Extensible = false;
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
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'displayName', Locked = true;
                }
                field(contactName; Rec.Contact)
                {
                    Caption = 'contactName', Locked = true;
                }
                field(addressLine1; Rec.Address)
                {
                    Caption = 'addressLine1', Locked = true;
                }
                field(addressLine2; Rec."Address 2")
                {
                    Caption = 'addressLine2', Locked = true;
                }
                field(postalCode; Rec."Post Code")
                {
                    Caption = 'postalCode', Locked = true;
                }
                field(city; Rec.City)
                {
                    Caption = 'city', Locked = true;
                }
                field(country; Rec."Country/Region Code")
                {
                    Caption = 'country', Locked = true;
                }
                field(state; Rec.County)
                {
                    Caption = 'state', Locked = true;
                }
                field(phoneNumber; Rec."Phone No.")
                {
                    Caption = 'phoneNumber', Locked = true;
                }
                field(mobilePhoneNumber; Rec."Mobile Phone No.")
                {
                    Caption = 'mobilePhoneNumber', Locked = true;
                }
                field(faxNumber; Rec."Fax No.")
                {
                    Caption = 'faxNumber', Locked = true;
                }
                field(email; Rec."E-Mail")
                {
                    Caption = 'email', Locked = true;
                }
                field(website; Rec."Home Page")
                {
                    Caption = 'website', Locked = true;
                }
                field(currencyCode; Rec."Currency Code")
                {
                    Caption = 'currencyCode', Locked = true;
                }
                field(salespersonCode; Rec."Salesperson Code")
                {
                    Caption = 'salespersonCode', Locked = true;
                }
                field(paymentTermsCode; Rec."Payment Terms Code")
                {
                    Caption = 'paymentTermsCode', Locked = true;
                }
                field(shipmentMethodCode; Rec."Shipment Method Code")
                {
                    Caption = 'shipmentMethodCode', Locked = true;
                }
                field(shippingAgentCode; Rec."Shipping Agent Code")
                {
                    Caption = 'shippingAgentCode', Locked = true;
                }
                field(creditLimit; Rec."Credit Limit (LCY)")
                {
                    Caption = 'creditLimit', Locked = true;
                }
                field(primaryContactNumber; Rec."Primary Contact No.")
                {
                    Caption = 'primaryContactNumber', Locked = true;
                }
                field(companyContactNumber; CompanyContactNumber)
                {
                    Caption = 'companyContactNumber', Locked = true;
                    Editable = false;
                }
                field(customerPriceGroup; Rec."Customer Price Group")
                {
                    Caption = 'customerPriceGroup', Locked = true;
                }
                field(blocked; Rec.Blocked)
                {
                    Caption = 'blocked', Locked = true;
                }
                field(templateCode; TemplateCode)
                {
                    Caption = 'templateCode', Locked = true;
                }
                field(createdDateTime; Rec.SystemCreatedAt)
                {
                    Caption = 'createdDateTime', Locked = true;
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
        CompanyContactNumber: Code[20];
        TemplateOnInsertErr: Label 'The property "templateCode" can be set only when a record is created.', Comment = 'templateCode is the name of a property and stays as it is.';

    trigger OnAfterGetRecord()
    begin
        Show();
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(CompanyContactNumber);
        Clear(TemplateCode);
    end;

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        Templates.InsertCustomer(Rec, TemplateCode);
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
        CompanyContactNumber := Computed.CompanyContactNumber(Rec."No.");
    end;
}
