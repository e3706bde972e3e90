page 50105 "Tieline Shipping Agents"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'shippingAgents', Locked = true;
    DelayedInsert = true;
    EntityName = 'shippingAgent';
    EntitySetName = 'shippingAgents';
    Extensible = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Shipping Agent";

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
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'lastModifiedDateTime', Locked = true;
                    Editable = false;
                }
            }
        }
    }
}
