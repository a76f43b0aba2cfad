"""The secrets that this machine can name at this moment, to be searched for in everything that goes into an archive."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.core.model import SaleId
from agent.core.ports import Corrupt, Entry
from agent.edges.journal import Reader
from agent.secrets import CREDENTIALS_VARIABLE, MAX_SECRET_BYTES
from agent.settings.load import read_regular
from agent.settings.tables import Data, accounts, clients, tables
from agent.settings.webhooks import HOOKS

SETTINGS_FOLDER = Path("/etc/koshelek-agent")
MAX_CREDENTIALS = 64  # of a unit; a till has a handful


def of_configuration(data: Data) -> Iterator[str]:
    """Passwords, keys, tokens and webhooks' secrets, as far as they can be read, and what the configuration says of buyers. A file that
    cannot be read is not a reason to make no archive."""
    for _, account in accounts(data):
        yield from _kept(account.get("password_file"), account.get("password_credential"))
    for _, client in clients(data):
        yield from _kept(client.get("token_file"), client.get("token_credential"))
    for _, table in tables(data, "webhooks"):
        for hook in (table.get(name) for name in HOOKS):
            if isinstance(hook, dict):
                for file in _list(hook.get("secret_files")):
                    yield from _kept(file, None)
                for credential in _list(hook.get("secret_credentials")):
                    yield from _kept(None, credential)
    for customer in _customers(data):
        yield from (value for value in customer.values() if isinstance(value, str))


def of_credentials(environment: Mapping[str, str]) -> Iterator[str]:
    """Everything that systemd has handed over to this process, by whatever name."""
    folder = environment.get(CREDENTIALS_VARIABLE)
    if folder and Path(folder).is_dir():
        for path in sorted(Path(folder).iterdir())[:MAX_CREDENTIALS]:
            yield from _kept(None, path.name)


async def of_sale(journal: Reader, sale: SaleId, entries: Sequence[Entry]) -> Sequence[str]:
    """What the journal still keeps for a sale, and the payment links in its record."""
    links = [value for entry in entries for value in _links(entry.body)]
    try:
        return [*links, *(await journal.secrets(sale)).values()]
    except Corrupt:
        return links  # what cannot be proved is not used; nobody can read it either


def _links(body: Mapping[str, Any]) -> Iterator[str]:
    link = body.get("link")
    if isinstance(link, Mapping):
        yield str(link.get("url", ""))
        fields = link.get("fields")
        pairs = fields.items() if isinstance(fields, Mapping) else fields if isinstance(fields, list) else ()
        yield from (str(value) for _, value in pairs)


def _kept(file: object, credential: object) -> Iterator[str]:
    """The content of a secret's file, also of one that the agent would refuse for its owner or mode: that is when support is asked."""
    places = [Path(file)] if isinstance(file, str) else []
    if isinstance(credential, str):
        folder = os.environ.get(CREDENTIALS_VARIABLE)
        places += [Path(folder) / credential] if folder else []
        places.append(SETTINGS_FOLDER / credential)  # where the unit takes it from
    for place in places:
        try:
            yield read_regular(place, MAX_SECRET_BYTES)[:MAX_SECRET_BYTES].decode(errors="replace").strip()
        except OSError:
            continue


def _customers(data: Data) -> Iterator[Data]:
    """What is said of buyers where the register says nothing."""
    provider = data.get("provider")
    for table in provider.values() if isinstance(provider, dict) else ():
        customer = table.get("customer") if isinstance(table, dict) else None
        if isinstance(customer, dict):
            yield customer


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
