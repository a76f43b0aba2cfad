"""A payment system that pays out, as small as one can be: the other party of the stories of payouts, and the provider that speaks to it.

It forgives nothing: it does not recognise a repeat, so a payout that is sent twice is paid twice.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from agent.core.contract import Unacceptable
from agent.core.money import Kopecks
from agent.core.payout.contract import PayoutFinding, PayoutOrder, PayoutSeen, PayoutsFound, PayoutStatus, PayoutVerdict, recipient_secret
from agent.core.verdict import Denied, Garbled, NotSent, Operation, Outcome, Reply, Request, Unclear, secret

if TYPE_CHECKING:
    from tests.simulation.world import World

NAME = "koshelek"  # the simulation's usual system pays out, too
OPERATIONS = frozenset({Operation.PAYOUT, Operation.PAYOUT_STATUS, Operation.PAYOUT_FIND})


class Mishap(Enum):
    """What happens to the next request that pays out."""

    REFUSED = "refused"  # nobody is there
    LOSE_REQUEST = "lose request"
    LOSE_ANSWER = "lose answer"
    LATE_COPY = "late copy"  # the answer is lost, and the request arrives minutes later
    OTHER_AMOUNT = "other amount"  # the system pays another amount than it was asked for
    FAIL = "fail"
    DENY = "deny"


@dataclass(slots=True)
class Made:
    """A payout at the system."""

    id: str
    reference: str
    amount: int
    currency: str
    ready_ms: int
    fails: bool = False
    taken_back: bool = False

    def status(self, now_ms: int) -> str:
        if now_ms < self.ready_ms:
            return "pending"
        return "failed" if self.fails else "canceled" if self.taken_back else "processed"


@dataclass(slots=True)
class Payer:
    """The system. ``asked``: references of the requests that reached it, in order; ``recipients``: who was paid."""

    world: "World"
    mishaps: list[Mishap] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    work_ms: int = 3_000
    late_ms: int = 90_000

    def paid(self, reference: str | None) -> int:
        """Kopecks that have left for good under a reference."""
        now_ms = self.world.now_ms()
        return sum(one.amount for one in self.made if one.reference == reference and one.status(now_ms) == "processed")

    async def deliver(self, request: Request, secrets: Mapping[str, str]) -> Outcome:
        await asyncio.sleep(0.03)
        body = request.fill(secrets)
        if request.operation is Operation.PAYOUT:
            return await self._pay(body)
        key = request.path.rpartition("/")[2]
        found = [self._shown(one) for one in self.made if key in (one.id, one.reference)]
        if request.operation is Operation.PAYOUT_FIND:
            return _reply(200, found)
        return _reply(200, found[0]) if found else _reply(404, {})

    async def _pay(self, body: dict[str, Any]) -> Outcome:
        mishap = self.mishaps.pop(0) if self.mishaps else None
        if mishap is Mishap.REFUSED:
            return NotSent("refused")
        if mishap is Mishap.DENY:
            return _reply(403, {})
        if mishap is Mishap.LOSE_REQUEST:
            return Unclear("reset")
        if mishap is Mishap.LATE_COPY:
            self.world.loop.call_later(self.late_ms / 1_000, self._make, body, None)
            return Unclear("reset")
        made = self._make(body, mishap)
        return Unclear("reset") if mishap is Mishap.LOSE_ANSWER else _reply(201, self._shown(made))

    def _make(self, body: dict[str, Any], mishap: Mishap | None) -> Made:
        self.asked.append(body["reference"])
        self.recipients.append(body["fields"]["card_number"])
        amount = body["amount"] * (10 if mishap is Mishap.OTHER_AMOUNT else 1)
        ready_ms = self.world.now_ms() + self.work_ms
        made = Made(f"po-{len(self.made) + 1}", body["reference"], amount, body["currency"], ready_ms, mishap is Mishap.FAIL)
        self.made.append(made)
        return made

    def _shown(self, one: Made) -> dict[str, Any]:
        shown = {"id": one.id, "reference": one.reference, "amount": one.amount, "currency": one.currency}
        return {**shown, "status": one.status(self.world.now_ms())}


def _reply(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


class PaysByPayer:
    """The provider of it."""

    payout_searches = 2
    payout_search_pause_ms = 10_000

    def check_payout(self, order: PayoutOrder, field_lengths: Mapping[str, int]) -> None:
        if "card_number" not in field_lengths:
            raise Unacceptable("fields.card_number", "is missing")

    def payout(self, request_id: str, order: PayoutOrder, field_names: frozenset[str]) -> Request:
        fields = {name: secret(recipient_secret(name)) for name in sorted(field_names)}
        body = {"reference": request_id, "amount": order.amount, "currency": order.currency, "service": order.service, "fields": fields}
        return Request(Operation.PAYOUT, "POST", "/payouts", body)

    def payout_status(self, transaction_id: str) -> Request:
        return Request(Operation.PAYOUT_STATUS, "GET", f"/payouts/{transaction_id}", {})

    def find_payout(self, request_id: str) -> Request:
        return Request(Operation.PAYOUT_FIND, "GET", f"/find/{request_id}", {})

    def read_payout(self, operation: Operation, reply: Reply) -> PayoutVerdict:
        if reply.status in (403, 404):
            return Denied(reply.status)
        return _seen(json.loads(reply.body)) if reply.status in (200, 201) else Garbled(f"http_{reply.status}")

    def read_found_payouts(self, reply: Reply) -> PayoutFinding:
        return PayoutsFound(tuple(_seen(one) for one in json.loads(reply.body)))


def _seen(body: Mapping[str, Any]) -> PayoutSeen:
    return PayoutSeen(PayoutStatus(body["status"]), body["id"], body["reference"], Kopecks(body["amount"]), body["currency"])
