"""Links that we write ourselves: what has to be known before one goes out.

There is no create whose answer could be lost. In its place stands a search by our own key: answered, it proves that the payment system is
there and lets us in, so that whatever the customer makes behind the link will be seen; and that nobody has made it yet.
"""

from datetime import datetime

from agent.core.contract import ComposesLinks, FindsByKey, Provider
from agent.core.decide import Result
from agent.core.sale import Sale
from agent.core.verdict import Found, Offered, Outcome, Reply, Unclear


def offered(provider: Provider, sale: Sale, request_id: str, outcome: Outcome, now: datetime) -> Result | Offered:
    """What the end of that search means. One that found something found our payment, made by a link that went out before."""
    if not isinstance(outcome, Reply):
        return outcome
    assert isinstance(provider, FindsByKey)
    result = provider.read_found(outcome)
    if not isinstance(result, Found):
        return result
    if len(result.matches) > 1:
        return Unclear("several")  # the next search decides which is ours, and calls somebody
    if result.matches:
        return result.matches[0]
    if not provider.capabilities.composes_link or not isinstance(provider, ComposesLinks):
        return Unclear("reconfigured")  # a reload has taken this way of paying out, and this sale has no other
    return Offered(provider.compose(sale.id, request_id, sale.checkout, now))
