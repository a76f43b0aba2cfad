"""Which request of the POS protocol is which verb and path. The one table: the way in, the OpenAPI document and the tests follow it.

A new method is one line here. What stands in the path is named there; of the other parameters those of a GET go into the query, those of
a PUT or POST into the body, and ``wait`` always into the query, because it is about the answer and not about the payment. A drawing has the
ending of a file in its path; it says which one, so that a page or a printer can take it as it comes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from drivers import answers, payout_answers, status_answers
from drivers.messages import REQUESTS, Request
from drivers.validation import wire_types

WAIT = "wait"


class Verb(StrEnum):
    """PUT makes something under a name the caller chose: repeating it changes nothing."""

    GET = "GET"
    PUT = "PUT"
    POST = "POST"


@dataclass(frozen=True)
class Route:
    """One method of the protocol at one path. ``answer`` is the shape of its result. ``fixed``: parameters that the path itself says;
    ``media``: the answer is a drawing of this type, not JSON."""

    method: str
    verb: Verb
    path: str
    answer: Any
    fixed: Mapping[str, str] = field(default_factory=dict, hash=False)
    media: str | None = None

    @property
    def name(self) -> str:
        """Unlike that of every other route. The first path of a method has its name."""
        first = next(route for route in ROUTES if route.method == self.method and route.verb is self.verb)
        other = self.fixed.values() or self.in_path
        return self.method if self is first else f"{self.method}.{'.'.join(other) or 'all'}"

    @property
    def request(self) -> type[Request]:
        return REQUESTS[self.method]

    @cached_property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """Names of the parameters in the path."""
        return tuple(segment[1:-1] for segment in self.segments if segment.startswith("{"))

    @cached_property
    def in_query(self) -> tuple[str, ...]:
        names = (name for name in wire_types(self.request) if name not in self.in_path and name not in self.fixed)
        return tuple(name for name in names if self.verb is Verb.GET or name == WAIT)

    @cached_property
    def in_body(self) -> tuple[str, ...]:
        elsewhere = {*self.in_path, *self.in_query, *self.fixed}
        return tuple(name for name in wire_types(self.request) if name not in elsewhere)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters in the path, still percent-encoded; None if it is another path."""
        if len(segments) != len(self.segments):
            return None
        pairs = list(zip(self.segments, segments, strict=True))
        if any(pattern != segment for pattern, segment in pairs if not pattern.startswith("{")):
            return None
        return {pattern[1:-1]: segment for pattern, segment in pairs if pattern.startswith("{")}


_STORE = "/v1/stores/{storeId}"
_TILL = f"{_STORE}/terminals/{{terminalId}}"
_SALE = f"{_TILL}/checkouts/{{key}}"
_AVAILABILITY = f"{_TILL}/availability/{{key}}"
_RECEIPT = f"{_SALE}/receipts/{{receiptId}}"
_PAYOUT = f"{_TILL}/payouts/{{key}}"
_REFUND = f"{_SALE}/refunds/{{refundKey}}"


def _drawing(ending: str, form: str, media: str) -> Route:
    """The payment link as a QR code."""
    return Route("checkout.qr", Verb.GET, f"{_SALE}/qr.{ending}", bytes, {"format": form}, media)


ROUTES: tuple[Route, ...] = (
    Route("availability.create", Verb.PUT, _AVAILABILITY, answers.AvailabilityAnswer),
    Route("availability.get", Verb.GET, _AVAILABILITY, answers.AvailabilityAnswer),
    Route("checkout.create", Verb.PUT, _SALE, answers.CheckoutAnswer),
    Route("checkout.get", Verb.GET, _SALE, answers.CheckoutAnswer),
    _drawing("svg", "svg", "image/svg+xml"),
    _drawing("png", "png", "image/png"),
    _drawing("txt", "text", "text/plain; charset=utf-8"),
    _drawing("escpos", "escpos", "application/octet-stream"),
    Route("checkout.cancel", Verb.POST, f"{_SALE}/cancel", answers.CheckoutAnswer),
    Route("checkout.confirm", Verb.POST, f"{_SALE}/confirm", answers.CheckoutAnswer),
    Route("refund.create", Verb.PUT, _REFUND, answers.RefundAnswer),
    Route("refund.get", Verb.GET, _REFUND, answers.RefundAnswer),
    Route("receipt.create", Verb.PUT, _RECEIPT, answers.ReceiptAnswer),
    Route("receipt.get", Verb.GET, _RECEIPT, answers.ReceiptAnswer),
    Route("operation.last", Verb.GET, f"{_TILL}/operations/last", answers.RecordAnswer),
    Route("operation.list", Verb.GET, f"{_TILL}/operations", answers.OperationListAnswer),
    Route("operation.list", Verb.GET, f"{_STORE}/operations", answers.OperationListAnswer),
    Route("operation.list", Verb.GET, "/v1/operations", answers.OperationListAnswer),
    Route("operation.show", Verb.GET, f"{_SALE}/record", answers.RecordAnswer),
    Route("operation.slip", Verb.GET, f"{_SALE}/slip", answers.SlipCopyAnswer),
    Route("operation.report", Verb.GET, f"{_TILL}/report", answers.ReportAnswer),
    Route("operation.report", Verb.GET, f"{_STORE}/report", answers.ReportAnswer),
    Route("operation.resolve", Verb.POST, f"{_SALE}/resolve", answers.ResolveAnswer),
    Route("operation.retry", Verb.POST, f"{_SALE}/retry", answers.RetryAnswer),
    Route("operation.retry", Verb.POST, "/v1/retry", answers.RetryAnswer),
    Route("payout.services", Verb.GET, f"{_TILL}/payout-services", payout_answers.PayoutServicesAnswer),
    Route("payout.create", Verb.PUT, _PAYOUT, payout_answers.PayoutAnswer),
    Route("payout.get", Verb.GET, _PAYOUT, payout_answers.PayoutAnswer),
    Route("payout.cancel", Verb.POST, f"{_PAYOUT}/cancel", payout_answers.PayoutAnswer),
    Route("payout.show", Verb.GET, f"{_PAYOUT}/record", payout_answers.PayoutRecordAnswer),
    Route("payout.resolve", Verb.POST, f"{_PAYOUT}/resolve", payout_answers.PayoutResolveAnswer),
    Route("agent.status", Verb.GET, "/v1/status", status_answers.StatusAnswer),
    Route("agent.reload", Verb.POST, "/v1/reload", status_answers.ConfigurationAnswer),
    Route("agent.backup", Verb.POST, "/v1/backup", status_answers.BackupAnswer),
    Route("agent.release", Verb.POST, "/v1/release", status_answers.ReleaseAnswer),
)


def at(raw_path: str) -> tuple[Mapping[Verb, Route], Mapping[str, str]]:
    """The routes at a path as it was sent, by verb, and the parameters in it. Both are empty if there are none.

    Each segment is decoded by itself: an encoded slash belongs to a name.
    """
    segments = raw_path.removeprefix("/").split("/")
    found = {route: values for route in ROUTES if (values := route.match(segments)) is not None}
    for route, values in found.items():
        try:
            decoded = {name: unquote(value, errors="strict") for name, value in values.items()}
        except UnicodeDecodeError:
            return {}, {}
        return {one.verb: one for one in found if one.segments == route.segments}, decoded
    return {}, {}


def by_path() -> Iterator[tuple[str, list[Route]]]:
    """The table as a document shows it: one path after the other, with all its verbs."""
    for path in dict.fromkeys(route.path for route in ROUTES):
        yield path, [route for route in ROUTES if route.path == path]
