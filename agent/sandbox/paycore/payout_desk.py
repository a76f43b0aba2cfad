"""Where PayCore's payouts are made, read and found. A repeated ``reference_id`` gives 429 and names nothing, as with payments."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.sandbox.customer import Action, Customer
from agent.sandbox.paycore.documents import Attributes, attributes_of, errors
from agent.sandbox.paycore.payouts import TEST_SERVICE, WORDS, payout_document, payout_problems, seen_payout
from agent.sandbox.payouts import AFTER_MADE, Payout, PayoutStatus
from agent.sandbox.reading import parse
from agent.sandbox.shapes import exact_answer, kopecks, query_of
from agent.sandbox.system import Inside
from agent.sandbox.words import Answer, Operation, Request

FILTER = "filter[reference_id]"
_SYSTEM = "paycore"


def refused(new_id: Callable[[], str], status: int, codes: Iterable[str], headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal in PayCore's words."""
    return exact_answer(status, errors(new_id(), codes), headers)


class Payouts:
    """The part of the API that pays out. Who comes here has been let in."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def answer(self, now_ms: int, operation: Operation, request: Request, payout_id: str | None) -> Answer:
        """Carry out a request. Never raises for what a client sends."""
        if operation is Operation.PAYOUT:
            return self._create(now_ms, attributes_of(parse(request.body), "payout-invoices"))
        if operation is Operation.PAYOUT_FIND:
            return self._list(now_ms, query_of(request.query))
        payout = self._inside.payouts.find(payout_id or "", _SYSTEM)
        return self._refused(404, "not_found") if payout is None else self._shown(now_ms, 200, operation, payout)

    def _create(self, now_ms: int, attributes: Attributes | None) -> Answer:
        if attributes is None:
            return self._refused(422, "body_invalid")
        if problems := payout_problems(attributes):
            return self._refused(422, *problems)
        if self._inside.payouts.by_key(attributes["reference_id"], _SYSTEM):
            return self._refused(429, "duplicate_request")
        payout = self._made(now_ms, attributes)
        wished = attributes["fields"].get("status") if attributes["service"] == TEST_SERVICE else None
        script = self._inside.desk.next_customer(payout.description) if wished is None else Customer(Action.WAIT)
        self._inside.payouts.take_in(now_ms, payout, script)
        if wished is not None:
            self._lead(now_ms, payout, next(status for status, word in WORDS.items() if word == wished))
        return self._shown(now_ms, 201, Operation.PAYOUT, payout)

    def _made(self, now_ms: int, attributes: Attributes) -> Payout:
        amount = kopecks(attributes["amount"])
        assert amount is not None, "it was checked"
        return Payout(
            id=f"cpoi_{self._inside.new_id()}",
            system=_SYSTEM,
            key=attributes["reference_id"],
            amount=amount,
            created_ms=now_ms,
            service=attributes["service"],
            description=attributes.get("description", ""),
            fields=tuple(attributes["fields"]),
            facts={"test_mode": attributes["test_mode"], "resolution": self._wished_resolution(attributes)},
        )

    @staticmethod
    def _wished_resolution(attributes: Attributes) -> Any:
        return attributes["fields"].get("resolution") if attributes["service"] == TEST_SERVICE else None

    def _lead(self, now_ms: int, payout: Payout, to: PayoutStatus) -> None:
        """To the state that the test service was told, by the way that leads there."""
        ways = {PayoutStatus.CREATED: (), PayoutStatus.PENDING: (), **{one: (PayoutStatus.PROCESSED, one) for one in AFTER_MADE}}
        for step in ways.get(to, (to,)):
            self._inside.payouts.move(now_ms, payout, step)

    def _list(self, now_ms: int, query: Mapping[str, str]) -> Answer:
        if set(query) != {FILTER}:
            return self._refused(422, "filter_invalid")
        found = self._inside.payouts.by_key(query[FILTER], _SYSTEM)
        seen = [(one, seen_payout(self._inside.faults, Operation.PAYOUT_FIND, one)) for one in found]
        shown = [payout_document(one, as_seen, now_ms) for one, as_seen in seen if as_seen is not None]
        return exact_answer(200, {"data": shown, "links": [], "meta": []})

    def _shown(self, now_ms: int, status: int, operation: Operation, payout: Payout) -> Answer:
        as_seen = seen_payout(self._inside.faults, operation, payout)
        if as_seen is None:
            return self._refused(404, "not_found")
        return exact_answer(status, {"data": payout_document(payout, as_seen, now_ms)})

    def _refused(self, status: int, *codes: str) -> Answer:
        return refused(self._inside.new_id, status, codes)
