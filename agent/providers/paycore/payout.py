"""Payouts of PayCore.io as the machines see them: the contracts ``PaysOut`` and ``AdvisesPayouts``, tied to one configuration."""

from collections.abc import Mapping

from agent.core.money import Kopecks
from agent.core.payout.contract import (
    PayoutAdvice,
    PayoutFinding,
    PayoutOrder,
    PayoutService,
    PayoutServices,
    PayoutVerdict,
    RecipientField,
)
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Garbled, Operation, Reply, Request
from agent.providers.common.answers import retry_after_seconds
from agent.providers.common.wire import Unreadable
from agent.providers.paycore import payout_reading, payout_request
from agent.providers.paycore.prerequest import AVAILABLE, Service, read_offer
from agent.providers.paycore.settings import PayCoreSettings


class Payouts:
    """Immutable in use, safe to share."""

    def __init__(self, settings: PayCoreSettings) -> None:
        self._settings = settings
        self.payout_searches = settings.payouts.searches
        self.payout_search_pause_ms = settings.payouts.search_pause_ms

    def check_payout(self, order: PayoutOrder, field_lengths: Mapping[str, int]) -> None:
        """Refuse what PayCore would refuse. Raises Unacceptable with all problems found."""
        payout_request.check_payout(self._settings, order, field_lengths)

    def payout(self, request_id: str, order: PayoutOrder, field_names: frozenset[str]) -> Request:
        """Pay out; ``request_id`` is its ``reference_id`` for ever."""
        return payout_request.payout_request(self._settings, request_id, order, field_names)

    def payout_status(self, transaction_id: str) -> Request:
        """Read one."""
        return payout_request.payout_status_request(self._settings, transaction_id)

    def find_payout(self, request_id: str) -> Request:
        """Search by our own id."""
        return payout_request.find_payout_request(self._settings, request_id)

    def read_payout(self, operation: Operation, reply: Reply) -> PayoutVerdict:
        """What an answer says. Never raises."""
        return payout_reading.read_payout(self._settings, operation, reply)

    def read_found_payouts(self, reply: Reply) -> PayoutFinding:
        """What a search found. Never raises."""
        return payout_reading.read_found_payouts(self._settings, reply)

    def ask_payout_services(self, amount: Kopecks) -> Request | None:
        """The question which services pay out; None where it cannot be asked."""
        return payout_request.services_request(self._settings, amount)

    def read_payout_services(self, reply: Reply) -> PayoutAdvice:
        """What pays out. Never raises. A list of the other side is none: its services would pay out other money."""
        retry_after_s = retry_after_seconds(reply.headers)
        if reply.status in self._settings.denied_statuses or reply.status == TOO_MANY_REQUESTS:
            return Denied(reply.status, retry_after_s)
        try:
            offer = read_offer(reply)
        except Unreadable as problem:
            return Garbled(str(problem), retry_after_s)
        if offer.test_mode is not None and offer.test_mode is not self._settings.test_mode:
            return Garbled("other_side", retry_after_s)
        return PayoutServices(tuple(map(_service, offer.services)))


def _service(one: Service) -> PayoutService:
    fields = tuple(RecipientField(field.key, field.required, field.label, field.example, field.pattern) for field in one.fields)
    return PayoutService(one.code, one.currency, one.status in ("", AVAILABLE), fields, one.least, one.most)
