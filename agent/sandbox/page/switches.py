"""What is set up to happen: the faults to come, the outage, and the customers who are on their way."""

from agent.sandbox.availability import Offer
from agent.sandbox.control import PREFIX
from agent.sandbox.faults import Planned
from agent.sandbox.page.rows import MAX_SHOWN, House, button, left_out, none_yet
from agent.sandbox.page.words import METHODS, SYSTEMS, Tongue
from agent.sandbox.words import Method
from agent.texts import N_
from agent.web.html import Html, tag, told
from agent.web.live import Region, Row, row


def switches(house: House, tongue: Tongue) -> list[Region]:
    """The lists of the sections about faults and customers, whether the bank can be reached, and what a till hears of means of payment."""
    return [_network(house, tongue), _faults(house, tongue), _offer(house.bank.offer, tongue), *_customers(house, tongue)]


def _network(house: House, tongue: Tongue) -> Region:
    until = house.bank.outage_until_ms()
    if until is None or house.now_ms() >= until:
        return Region("network", [row("p", "network-up", tongue(N_("The payment system can be reached.")), class_="up")])
    said = tongue(N_("Outage: connections are refused until {time}."), time=tongue.moment(until))
    return Region("network", [row("p", "network-down", said, class_="down")])


def _faults(house: House, tongue: Tongue) -> Region:
    planned = house.bank.faults()
    shown = [_fault(tongue, one) for one in planned[:MAX_SHOWN]]
    empty = [none_yet(tongue, "faults-none", N_("No fault is planned."))]
    return Region("faults", [*(shown or empty), *left_out(tongue, "faults-more", len(planned) - MAX_SHOWN)])


def _fault(tongue: Tongue, planned: Planned) -> Row:
    fault, title = planned.fault, f"fault-title-{planned.id}"
    left = tongue(N_("until removed")) if planned.left is None else tongue(N_("times: {number}"), number=planned.left)
    chance = None if fault.probability is None else tongue(N_("probability {value}"), value=fault.probability)
    details = " · ".join(part for part in (tongue.hit(fault), SYSTEMS.get(fault.system or "", fault.system), left, chance) if part)
    parameters = ", ".join(f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in fault.params.items())
    return row(
        "li",
        f"fault-{planned.id}",
        tag("p", tag("strong", tongue.fault(fault.kind)), " ", tag("code", fault.kind), id=title),
        tag("p", details),
        tag("p", tag("code", told(parameters))) if parameters else None,
        button(tongue(N_("Remove")), f"DELETE {PREFIX}/faults/{planned.id}", about=title),
        class_="card",
    )


def _offer(offer: Offer, tongue: Tongue) -> Region:
    """What a till is told that asks for the means of payment."""
    said: list[Html | str] = [tag("li", _means(offer, method, tongue)) for method in Method]
    if offer.is_default:
        said.append(tag("li", tongue(N_("Koshelek Pay is the buyer's usual way to pay."))))
    if offer.asynchronous:
        ready, look = tongue.seconds(offer.ready_after_ms), tongue.seconds(offer.timeout_ms)
        said.append(tag("li", tongue(N_("The list is there after {ready} s; the first look after {look} s."), ready=ready, look=look)))
    return Region("offer", [row("ul", "offer-now", said)])


def _means(offer: Offer, method: Method, tongue: Tongue) -> list[Html | str]:
    name, message = tongue(METHODS[method]), offer.unavailable.get(method)
    if message is None:
        return [tongue(N_("{method} can be used."), method=name)]
    return [tongue(N_("{method} cannot be used."), method=name), " ", told(message)]


def _customers(house: House, tongue: Tongue) -> list[Region]:
    usual = tongue(N_("Every customer: {does}."), does=tongue.customer(house.bank.default_customer))
    queued = house.bank.queued_customers()
    shown = [
        row(
            "li",
            f"queued-{number}",
            tag(
                "p",
                [tongue(N_("Order")) if session is None else tongue(N_("Card session")), " ", tag("strong", told(order or session or ""))],
            ),
            tag("p", tongue.customer(customer)),
            class_="card",
        )
        for number, (order, session, customer) in enumerate(queued[:MAX_SHOWN])
    ]
    empty = [none_yet(tongue, "queued-none", N_("Nobody is on his way."))]
    return [
        Region("usual", [row("p", "usual-customer", usual)]),
        Region("queued", [*(shown or empty), *left_out(tongue, "queued-more", len(queued) - MAX_SHOWN)]),
    ]
