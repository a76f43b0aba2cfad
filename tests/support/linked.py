"""The payment system of the simulation, as if its answer told a link: whatever the others of that kind do, the link goes the same way."""

from dataclasses import replace

from agent.core.capability import KOSHELEK
from agent.core.model import PaymentLink
from agent.core.verdict import Observed, Operation, Reply, Status, Verdict
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts


class Linked(Koshelek):
    """One link for all sales of a store; the customer has three minutes."""

    def __init__(self, store_id: str, link: PaymentLink) -> None:
        super().__init__(KoshelekSettings(), {store_id: StoreFacts()})
        self.capabilities = replace(KOSHELEK, wait_limit_ms=180_000)
        self._link = link

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        found = super().read(operation, reply)
        told = operation is Operation.CHECKOUT and isinstance(found, Observed) and found.status in (Status.NEW, Status.PENDING)
        return replace(found, link=self._link) if told and isinstance(found, Observed) else found
