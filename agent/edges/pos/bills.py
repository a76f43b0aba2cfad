"""Bills as a POS writes them, in the core's words."""

from pydantic import SecretStr

from agent.core.model import Invoice, Item
from agent.core.money import Kopecks
from drivers import bill


def invoice_of(given: bill.CheckoutInvoice) -> Invoice:
    return Invoice(
        given.order_id,
        Kopecks(given.total_amount),
        tuple(item_of(item) for item in given.items),
        given.currency,
        kopecks_of(given.discount_amount),
        kopecks_of(given.sub_total_amount),
    )


def item_of(item: bill.Item) -> Item:
    return Item(
        item.name,
        item.article,
        item.price,
        item.quantity,
        Kopecks(item.total_amount),
        item.tax,
        item.measure,
        kopecks_of(item.discount_amount),
        kopecks_of(item.sub_total_amount),
    )


def customer_of(given: bill.Customer | None) -> dict[str, SecretStr | None]:
    """What is known of the buyer, by the names under which such things are kept."""
    if given is None:
        return {}
    return {
        "customer.email": given.email,
        "customer.firstName": given.first_name,
        "customer.lastName": given.last_name,
        "customer.phone": given.phone,
        "customer.companyName": given.company_name,
        "customer.vatNumber": given.vat_number,
        "customer.kpp": given.kpp,
        "customer.companyBillingAddress": given.company_billing_address,
        "customer.companyDeliveryAddress": given.company_delivery_address,
    }


def kopecks_of(amount: int | None) -> Kopecks | None:
    """An amount that may be absent."""
    return None if amount is None else Kopecks(amount)
