page 50110 "Tieline Customer Price Groups"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'customerPriceGroups', Locked = true;
    DelayedInsert = true;
    EntityName = 'customerPriceGroup';
    EntitySetName = 'customerPriceGroups';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Customer Price Group";

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
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'lastModifiedDateTime', Locked = true;
                    Editable = false;
                }
            }
        }
    }
}
