"""The secrets that requests are filled from: what the register gave, and what the helper gives now."""

from collections.abc import Mapping

from agent.core import answer, canonical
from agent.core.capability import Approval, Capabilities
from agent.core.model import SaleId
from agent.core.ports import Card
from agent.core.refund import Refund
from agent.core.sale import Sale
from agent.engine.setup import Ports


class Missing(Exception):
    """Something a request needs cannot be had. The reason code is its text."""


async def checkout_secrets(ports: Ports, caps: Capabilities, sale: Sale) -> tuple[dict[str, str], dict[str, str]]:
    """All secrets of the checkout, and those that were just obtained and are to be stored with the first attempt. Raises Missing and
    HelperFailed."""
    stored = dict(await ports.journal.secrets(sale.id))
    if sale.call is not None:
        lost = sale.call.request.secret_names() - stored.keys()
        if lost:
            raise Missing("SECRET_LOST")
        return stored, {}
    fresh: dict[str, str] = {}
    if caps.approval is Approval.APP and answer.CARD_SESSION not in stored:
        fresh[answer.CARD_SESSION] = await _card_session(ports, sale.id, stored)
    if caps.needs_token and answer.TOKEN not in stored:
        if ports.card is None:  # the register gave none, because there was a helper when it asked
            raise Missing("SECRET_LOST")
        fresh[answer.TOKEN] = await ports.card.token()
    return stored | fresh, fresh


async def _card_session(ports: Ports, sale_id: SaleId, stored: Mapping[str, str]) -> str:
    if ports.card is None or answer.BARCODE not in stored:
        raise Missing("SECRET_LOST")
    session = await card_session(ports, ports.card, sale_id, stored[answer.BARCODE])
    if session is None:
        raise Missing("CARD_SESSION_UNAVAILABLE")
    return session


async def card_session(ports: Ports, card: Card, asker: SaleId, barcode: str) -> str | None:
    """What the helper makes of a code; None if that card cannot pay. A code that it has just read for the same till is not read again.
    Raises HelperFailed."""
    digest = _scan(ports, asker, barcode)
    async with ports.scans.turn(digest):
        known = ports.scans.find(digest)
        if known is not None:
            return known
        session = await card.card_session(barcode)
        if session is not None:
            ports.scans.keep(digest, session)
        return session


def forget_scan(ports: Ports, sale: Sale, secrets: Mapping[str, str]) -> None:
    """The checkout has its card session on record: whoever shows the same code again has it read again."""
    if answer.BARCODE in secrets:
        ports.scans.forget(_scan(ports, sale.id, secrets[answer.BARCODE]))


def _scan(ports: Ports, asker: SaleId, barcode: str) -> str:
    return canonical.digest([asker.store_id, asker.terminal_id, barcode], ports.journal.digest_key)


async def refund_token(ports: Ports, caps: Capabilities, sale: Sale, one: Refund) -> tuple[str, dict[str, str]]:
    """The name under which the request looks for its token, and the secrets it is filled from. What we owe takes a new token from the
    helper, or else the one the checkout came with; an attempt under way keeps the token it began with (same body, same token). Raises
    Missing and HelperFailed."""
    name = answer.refund_token(one.key)
    stored = dict(await ports.journal.secrets(sale.id))
    if not caps.needs_token:
        return name, stored
    if name not in stored:
        if ports.card is not None:
            stored[name] = await ports.card.token()
        elif one.owed and answer.TOKEN in stored:
            stored[name] = stored[answer.TOKEN]
        else:
            raise Missing("TOKEN_UNAVAILABLE")
    return name, stored
