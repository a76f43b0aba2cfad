"""``config services``: what a PayCore account offers, and whether the configuration fits it. For the day on which a till is set up.

The one request it makes goes to the public API with the public key; neither the account's secret key nor the journal is touched, so it can
be run beside the daemon or without it.
"""

from collections.abc import Mapping
from typing import Any, Final

import click

from agent.assembly import paycore
from agent.cli.asking import UNREACHED, ask, told
from agent.cli.common import Context, Exit, say
from agent.core import canonical
from agent.core.model import Environment
from agent.core.money import roubles
from agent.core.sided_key import key_start
from agent.core.verdict import Reply
from agent.edges.accounts import Account
from agent.edges.authorization import BasicLogin
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.prerequest import PATH, Fault, Finding, Offer, Service, findings, question, read_offer
from agent.settings import Settings
from agent.texts import N_, Translate

TEXTS: Final[Mapping[Fault, str]] = {
    Fault.OTHER_SIDE: N_("The public key is of the other side: test and live keys are mixed up."),
    Fault.NOT_CHOSEN: N_(
        "No service is configured: the customer chooses on the page, which not every account allows. "
        "Write the code of one into [provider.paycore]: service = ... Offered are: {detail}."
    ),
    Fault.NOT_OFFERED: N_("This service is not offered to the account. Offered are: {detail}."),
    Fault.NOT_AVAILABLE: N_("The service cannot be used at the moment, its state is: {detail}."),
    Fault.OTHER_CURRENCY: N_("The service takes another currency: {detail}."),
    Fault.FIELD_MISSING: N_("The service asks for the field {detail}: set it in fields or buyer_fields."),
    Fault.FIELD_FORM: N_("The field {detail} does not have the form that the service wants."),
    Fault.TOO_SMALL: N_("The service takes {detail} kopecks or more."),
    Fault.TOO_LARGE: N_("The service takes {detail} kopecks or less."),
}


UNREACHABLE = N_("PayCore.io cannot be reached at {address} (public_base_url): {error}")
UNREADABLE = N_("What answers at {address} (public_base_url) sent no list of services: {error}. Is the public key right?")
NO_PAYCORE = N_(
    "This asks PayCore.io for the services of its account, and {file} has no [provider.paycore]. "
    "config/koshelek-agent.toml shows what belongs into it; of the other payment systems there is nothing to ask."
)
NO_KEY = N_(
    "The list of services is asked for with the public key of the account. Take it from PayCore's cabinet and write it into "
    '[provider.paycore] of {file}: public_key = "{example}".'
)


def services(context: Context) -> None:
    """The command. Status 78 if something does not fit."""
    settings = context.settings()
    table = settings.provider.paycore
    if table is None or table.public_key is None:
        example = f"{key_start(settings.environment is Environment.TEST)}..."
        text = say(NO_PAYCORE if table is None else NO_KEY).format(file=context.file(), example=example)
        context.fail(Exit.CONFIGURATION, "CONFIGURATION", text)
    try:
        offer = read_offer(_ask(settings))
    except UNREACHED as error:
        text = say(UNREACHABLE).format(address=table.public_base_url, error=told(error))
        context.fail(Exit.UNREACHABLE, "UNREACHABLE", text)
    except Unreadable as error:
        text = say(UNREADABLE).format(address=table.public_base_url, error=error)
        context.fail(Exit.CONFLICT, "UNREADABLE", text)
    found = findings(paycore.in_its_words(settings), offer)
    context.show(_as_json(offer, found, say), lambda: _print(offer, found, say))
    if found:
        raise SystemExit(Exit.CONFIGURATION)


def _ask(settings: Settings) -> Reply:
    """The answer to the question. Raises one of UNREACHED."""
    table = paycore.given(settings)
    test = settings.environment is Environment.TEST
    place = Account(table.public_base_url.rstrip("/"), BasicLogin(str, str), table.ca_file, plain_http=test)  # only its address is used
    body = canonical.dumps(question(table.public_key or "", paycore.in_its_words(settings).currency))
    return ask(place, PATH, body=body)


def _as_json(offer: Offer, found: list[Finding], say: Translate) -> dict[str, Any]:
    return {
        "testMode": offer.test_mode,
        "services": [_service(one) for one in offer.services],
        "problems": [{"setting": one.setting, "code": one.fault.value, "problem": _told(one, say)} for one in found],
    }


def _service(one: Service) -> dict[str, Any]:
    names = ("key", "required", "pattern", "label", "example")
    return {
        **{name: getattr(one, name) for name in ("code", "method", "currency", "status")},
        "leastAmount": one.least,
        "mostAmount": one.most,
        "fields": [{name: getattr(wanted, name) for name in names} for wanted in one.fields],
    }


def _told(one: Finding, say: Translate) -> str:
    return say(TEXTS[one.fault]).format(detail=one.detail or "-")


def _print(offer: Offer, found: list[Finding], say: Translate) -> None:
    for one in offer.services:
        limits = " - ".join(roubles(amount) if amount is not None else "…" for amount in (one.least, one.most))
        click.echo(f"{one.code}  {one.method}  {one.currency}  {limits}  {one.status}")
        for wanted in one.fields:
            click.echo(f"    {wanted.key}{' *' if wanted.required else ''}  {wanted.label}  {wanted.pattern or ''}".rstrip())
    for finding in found:
        click.echo(f"{finding.setting}: {_told(finding, say)}")
