"""What only several settings together can get wrong about the messages of payment systems."""

import ipaddress
from collections.abc import Iterator

from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.tables import Data, tables
from agent.settings.webhooks import HOOKS, most_secrets
from agent.texts import N_, message


def messages_in(data: Data) -> Iterator[Finding]:
    """A listener nobody is behind, one that the network could listen to, two of one path, secrets without a place or too many of them."""
    for place, table in tables(data, "webhooks"):
        hooks = [(name, (*place, name), table[name]) for name in HOOKS if isinstance(table.get(name), dict)]
        if not hooks:
            text = message(N_("No payment system could send anything: give a table for one."))
            yield Finding(place, text, None, "[webhooks.koshelek]")
        yield from _address(data, place, table)
        yield from _privacy(place, table)
        taken: dict[object, str] = {}
        for name, here, hook in hooks:
            yield from _hook(data, name, here, hook, taken)


def _address(data: Data, place: Place, table: Data) -> Iterator[Finding]:
    address, port = table.get("address", "127.0.0.1"), table.get("port")
    if isinstance(address, str) and _parsed(address) is None:
        yield Finding((*place, "address"), message(N_("This is no address of this machine: {address}."), address=address))
    ports = {listener.get("port") for _, listener in tables(data, "listener")}
    if type(port) is int and port in ports:
        yield Finding((*place, "port"), message(N_("A listener for registers has this port.")))


def _privacy(place: Place, table: Data) -> Iterator[Finding]:
    """Names and passwords must not travel in the clear between machines."""
    certificate, key = table.get("certificate_file"), table.get("key_file")
    if (certificate is None) != (key is None):
        missing = "key_file" if key is None else "certificate_file"
        yield Finding((*place, missing), message(N_("TLS needs both: certificate_file and key_file.")))
        return
    parsed = _parsed(str(table.get("address", "127.0.0.1")))
    if parsed is not None and not parsed.is_loopback and certificate is None and table.get("behind_proxy") is not True:
        text = N_("Beyond this machine messages must be encrypted: give certificate_file and key_file.")
        hint = N_("If a proxy in front of the agent does that, say behind_proxy = true.")
        yield Finding((*place, "address"), message(text), message(hint))


def _hook(data: Data, name: str, place: Place, hook: Data, taken: dict[object, str]) -> Iterator[Finding]:
    if not tables(data, "provider", name):
        yield Finding(place, message(N_("The payment system {name} is not configured: there is no [provider.{name}]."), name=name))
    path = hook.get("path", HOOKS[name].model_fields["path"].default)
    if isinstance(path, str) and taken.setdefault(path, name) != name:
        yield Finding((*place, "path"), message(N_("Two payment systems have this path.")))
    files, credentials = hook.get("secret_files", ()), hook.get("secret_credentials", ())
    if isinstance(files, list | tuple) and isinstance(credentials, list | tuple):
        given, most = len(files) + len(credentials), most_secrets(name)
        if not given:
            text = message(N_("The place of the secret is missing: give secret_files or secret_credentials."))
            yield Finding((*place, "secret_files"), text, None, f'secret_files = ["/etc/koshelek-agent/{name}-webhook"]')
        elif given > most:
            key = "secret_files" if files else "secret_credentials"
            yield Finding((*place, key), message(N_("At most {most} secrets count at a time, not {given}."), most=most, given=given))


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
