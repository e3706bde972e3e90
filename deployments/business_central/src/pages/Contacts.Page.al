page 50101 "Tieline Contacts"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'contacts', Locked = true;
    DelayedInsert = true;
    EntityName = 'contact';
    EntitySetName = 'contacts';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = Contact;

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
                field("type"; Rec.Type)
                {
                    Caption = 'type', Locked = true;
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'displayName', Locked = true;
                    Editable = false;
                }
                field(firstName; Rec."First Name")
                {
                    Caption = 'firstName', Locked = true;
                }
                field(middleName; Rec."Middle Name")
                {
                    Caption = 'middleName', Locked = true;
                }
                field(surname; Rec.Surname)
                {
                    Caption = 'surname', Locked = true;
                }
                field(salutationCode; Rec."Salutation Code")
                {
                    Caption = 'salutationCode', Locked = true;
                }
                field(jobTitle; Rec."Job Title")
                {
                    Caption = 'jobTitle', Locked = true;
                }
                field(companyNumber; Rec."Company No.")
                {
                    Caption = 'companyNumber', Locked = true;
                }
                field(companyName; Rec."Company Name")
                {
                    Caption = 'companyName', Locked = true;
                    Editable = false;
                }
                field(companyCustomerNumber; CompanyCustomerNumber)
                {
                    Caption = 'companyCustomerNumber', Locked = true;
                    Editable = false;
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
                field(pager; Rec.Pager)
                {
                    Caption = 'pager', Locked = true;
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
        CompanyCustomerNumber: Code[20];

    trigger OnAfterGetRecord()
    begin
        Show();
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(CompanyCustomerNumber);
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
        CompanyCustomerNumber := Computed.CompanyCustomerNumber(Rec."Company No.");
    end;
}
