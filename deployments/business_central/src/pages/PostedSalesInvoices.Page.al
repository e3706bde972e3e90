page 50112 "Tieline Posted Invoices"
{
    APIGroup = 'sync';
    APIPublisher = 'tieline';
    APIVersion = 'v1.0';
    Caption = 'postedSalesInvoices', Locked = true;
    DataAccessIntent = ReadOnly;
    DelayedInsert = true;
    DeleteAllowed = false;
    Editable = false;
    EntityName = 'postedSalesInvoice';
    EntitySetName = 'postedSalesInvoices';
    Extensible = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Sales Invoice Header";

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
                field(draftInvoiceId; Rec."Draft Invoice SystemId")
                {
                    Caption = 'draftInvoiceId', Locked = true;
                    Editable = false;
                }
                field(externalDocumentNumber; Rec."External Document No.")
                {
                    Caption = 'externalDocumentNumber', Locked = true;
                    Editable = false;
                }
                field(number; Rec."No.")
                {
                    Caption = 'number', Locked = true;
                    Editable = false;
                }
                field(customerNumber; Rec."Sell-to Customer No.")
                {
                    Caption = 'customerNumber', Locked = true;
                    Editable = false;
                }
                field(customerName; Rec."Sell-to Customer Name")
                {
                    Caption = 'customerName', Locked = true;
                    Editable = false;
                }
                field(yourReference; Rec."Your Reference")
                {
                    Caption = 'yourReference', Locked = true;
                    Editable = false;
                }
                field(orderNumber; Rec."Order No.")
                {
                    Caption = 'orderNumber', Locked = true;
                    Editable = false;
                }
                field(invoiceDate; Rec."Document Date")
                {
                    Caption = 'invoiceDate', Locked = true;
                    Editable = false;
                }
                field(postingDate; Rec."Posting Date")
                {
                    Caption = 'postingDate', Locked = true;
                    Editable = false;
                }
                field(dueDate; Rec."Due Date")
                {
                    Caption = 'dueDate', Locked = true;
                    Editable = false;
                }
                field(shipmentDate; Rec."Shipment Date")
                {
                    Caption = 'shipmentDate', Locked = true;
                    Editable = false;
                }
                field(currencyCode; Rec."Currency Code")
                {
                    Caption = 'currencyCode', Locked = true;
                    Editable = false;
                }
                field(currencyFactor; Rec."Currency Factor")
                {
                    Caption = 'currencyFactor', Locked = true;
                    Editable = false;
                }
                field(salespersonCode; Rec."Salesperson Code")
                {
                    Caption = 'salespersonCode', Locked = true;
                    Editable = false;
                }
                field(paymentTermsCode; Rec."Payment Terms Code")
                {
                    Caption = 'paymentTermsCode', Locked = true;
                    Editable = false;
                }
                field(shippingAgentCode; Rec."Shipping Agent Code")
                {
                    Caption = 'shippingAgentCode', Locked = true;
                    Editable = false;
                }
                field(shipmentMethodCode; Rec."Shipment Method Code")
                {
                    Caption = 'shipmentMethodCode', Locked = true;
                    Editable = false;
                }
                field(pricesIncludeTax; Rec."Prices Including VAT")
                {
                    Caption = 'pricesIncludeTax', Locked = true;
                    Editable = false;
                }
                field(shipToName; Rec."Ship-to Name")
                {
                    Caption = 'shipToName', Locked = true;
                    Editable = false;
                }
                field(shipToAddressLine1; Rec."Ship-to Address")
                {
                    Caption = 'shipToAddressLine1', Locked = true;
                    Editable = false;
                }
                field(shipToAddressLine2; Rec."Ship-to Address 2")
                {
                    Caption = 'shipToAddressLine2', Locked = true;
                    Editable = false;
                }
                field(shipToCity; Rec."Ship-to City")
                {
                    Caption = 'shipToCity', Locked = true;
                    Editable = false;
                }
                field(shipToCountry; Rec."Ship-to Country/Region Code")
                {
                    Caption = 'shipToCountry', Locked = true;
                    Editable = false;
                }
                field(shipToPostCode; Rec."Ship-to Post Code")
                {
                    Caption = 'shipToPostCode', Locked = true;
                    Editable = false;
                }
                field(shipToState; Rec."Ship-to County")
                {
                    Caption = 'shipToState', Locked = true;
                    Editable = false;
                }
                field(billToName; Rec."Bill-to Name")
                {
                    Caption = 'billToName', Locked = true;
                    Editable = false;
                }
                field(billToAddressLine1; Rec."Bill-to Address")
                {
                    Caption = 'billToAddressLine1', Locked = true;
                    Editable = false;
                }
                field(billToAddressLine2; Rec."Bill-to Address 2")
                {
                    Caption = 'billToAddressLine2', Locked = true;
                    Editable = false;
                }
                field(billToCity; Rec."Bill-to City")
                {
                    Caption = 'billToCity', Locked = true;
                    Editable = false;
                }
                field(billToCountry; Rec."Bill-to Country/Region Code")
                {
                    Caption = 'billToCountry', Locked = true;
                    Editable = false;
                }
                field(billToPostCode; Rec."Bill-to Post Code")
                {
                    Caption = 'billToPostCode', Locked = true;
                    Editable = false;
                }
                field(billToState; Rec."Bill-to County")
                {
                    Caption = 'billToState', Locked = true;
                    Editable = false;
                }
                field(totalAmountExcludingTax; Rec.Amount)
                {
                    Caption = 'totalAmountExcludingTax', Locked = true;
                    Editable = false;
                }
                field(totalAmountIncludingTax; Rec."Amount Including VAT")
                {
                    Caption = 'totalAmountIncludingTax', Locked = true;
                    Editable = false;
                }
                field(discountAmount; Rec."Invoice Discount Amount")
                {
                    Caption = 'discountAmount', Locked = true;
                    Editable = false;
                }
                field(remainingAmount; Rec."Remaining Amount")
                {
                    Caption = 'remainingAmount', Locked = true;
                    Editable = false;
                }
                field(canceled; Rec.Cancelled)
                {
                    Caption = 'canceled', Locked = true;
                    Editable = false;
                }
                field(paymentModifiedDateTime; PaymentModifiedDateTime)
                {
                    Caption = 'paymentModifiedDateTime', Locked = true;
                    Editable = false;
                }
                field(workDescription; WorkDescription)
                {
                    Caption = 'workDescription', Locked = true;
                    Editable = false;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'lastModifiedDateTime', Locked = true;
                    Editable = false;
                }
                part(postedSalesInvoiceLines; "Tieline Posted Invoice Lines")
                {
                    Caption = 'postedSalesInvoiceLines', Locked = true;
                    EntityName = 'postedSalesInvoiceLine';
                    EntitySetName = 'postedSalesInvoiceLines';
                    SubPageLink = "Document No." = field("No.");
                }
            }
        }
    }

    var
        Computed: Codeunit "Tieline Computed Fields";
        PaymentModifiedDateTime: DateTime;
        WorkDescription: Text;

    trigger OnAfterGetRecord()
    begin
        PaymentModifiedDateTime := Computed.PaymentModifiedAt(Rec."Cust. Ledger Entry No.");
        WorkDescription := Rec.GetWorkDescription();
    end;
}
