"""What the shop sells: bills as a register sends them. Weighed goods go by the gram, because quantities are whole numbers."""

from decimal import Decimal
from typing import Any

Item = dict[str, Any]
Bill = dict[str, Any]

CHEESE: Item = {
    "name": "Сыр «Российский», весовой",
    "article": "100200",
    "measure": "GRAM",
    "price": Decimal("84.99"),  # kopecks per gram: 849.90 roubles per kilogram
    "quantity": 743,
    "totalAmount": 63148,
    "tax": "vat10",
}


def pieces(name: str, article: str, price: int, quantity: int = 1) -> Item:
    """Goods that are counted; ``price`` in kopecks."""
    return {"name": name, "article": article, "price": price, "quantity": quantity, "totalAmount": price * quantity, "tax": "vat20"}


BREAD = pieces("Хлеб «Бородинский»", "100300", 6450, 2)
MILK = pieces("Молоко 3,2 %", "100301", 9890)
KETTLE = pieces("Чайник электрический", "200100", 349_000)
COFFEE = pieces("Кофе в зёрнах, 250 г", "100400", 74_500)
UMBRELLA = pieces("Зонт", "200200", 129_900)
LAMP = pieces("Лампа настольная", "200300", 215_000)
MUGS = pieces("Кружка", "200400", 42_050, 4)
WATER = pieces("Вода, 0,5 л", "100500", 5_900)


def bill(order_id: str, *items: Item) -> Bill:
    """A ``checkoutInvoice``."""
    return {"orderId": order_id, "totalAmount": sum(item["totalAmount"] for item in items), "items": list(items)}
