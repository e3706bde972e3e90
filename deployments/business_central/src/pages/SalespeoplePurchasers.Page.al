page 50109 "Tieline Salespeople"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'salespeoplePurchasers', Locked = true;
    DelayedInsert = true;
    EntityName = 'salespersonPurchaser';
    EntitySetName = 'salespeoplePurchasers';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Salesperson/Purchaser";

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
                field(displayName; Rec.Name)
                {
                    Caption = 'displayName', Locked = true;
                }
                field(email; Rec."E-Mail")
                {
                    Caption = 'email', Locked = true;
                }
                field(email2; Rec."E-Mail 2")
                {
                    Caption = 'email2', Locked = true;
                }
                field(phoneNo; Rec."Phone No.")
                {
                    Caption = 'phoneNo', Locked = true;
                }
                field(jobTitle; Rec."Job Title")
                {
                    Caption = 'jobTitle', Locked = true;
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
