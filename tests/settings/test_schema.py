"""Goal: an editor that knows the schema says what the agent will say. Method: both judge the same files, good ones and bad ones."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from agent.cli import cli
from agent.settings import BadSettings, load
from agent.settings.schema import json_schema
from agent.texts import translator

from .test_example import uncommented

Write = Callable[[str], Path]
SCHEMA = json_schema(translator("en"))

FURTHER = {  # tables that may follow the example
    "backup": '[backup]\ndirectory = "/var/backups/koshelek-agent"\n',
    "tcp": '[[listener]]\nkind = "tcp"\nport = 7431\n[[listener.client]]\nname = "a"\ntoken_file = "/a"\nterminals = ["*/*"]\n',
    "serial": '[[listener]]\nkind = "serial"\npath = "/dev/ttyS0"\nbaud = 9600\nterminals = ["*/*"]\n',
    "paycore": '[provider.paycore]\ntest_base_url = "https://com.paycore.io/api"\nlogin = "c"\npassword_file = "/p"\n\n',
    "webhooks": '[webhooks]\nport = 1\n[webhooks.koshelek]\nlogin = "k"\nsecret_files = ["/s"]\n',
}
BAD = {  # a line of the example, and what is wrong instead
    "a side that is none": ('environment = "test"', 'environment = "tset"'),
    "no side": ('environment = "test"', ""),
    "the other side's address is missing": ('environment = "test"', 'environment = "production"'),
    "an unknown setting": ('environment = "test"', 'environment = "test"\nenviroment = "test"'),
    "a number that is a text": ("# wait_limit_s = 30", 'wait_limit_s = "30"'),
    "a number above its limit": ("# wait_limit_s = 30", "wait_limit_s = 31"),
    "a truth value that is a number": ("# send_receipts = true", "send_receipts = 1"),
    "a list that is a text": ("# extra_taxes = []", 'extra_taxes = "vat22"'),
    "a login with a colon": ('login = "acme-till"', 'login = "acme:till"'),
    "no place of the password": ('password_credential = "koshelek-password"', ""),
    "two places of the password": ('password_credential = "koshelek-password"', 'password_credential = "p"\npassword_file = "/p"'),
    "a path that is not whole": ('path = "/run/koshelek-agent/pos.sock"', 'path = "pos.sock"'),
    "nobody could connect": ('users = ["root"]', "users = []"),
    "a kind that is none": ('kind = "unix"', 'kind = "usb"'),
    "a setting of another kind": ('kind = "unix"', 'kind = "unix"\nbaud = 9600'),
    "Koshelek's ids are missing": ('merchant_id = "MB01"', "# merchant_id"),
    "a shop's id with a blank": ('store_id = "shop-1"         # from', 'store_id = "shop 1"  # from'),
    "no payment system": ("[provider.koshelek]", "[log.koshelek]"),
    "a token without a place": ("# environment", ""),
}
ONLY_THE_LOADER = {  # what no schema can say
    "a host of the other side": ("https://api-test.koshelek.app/acme", "https://api.koshelek.app/acme"),
    "a limit above another": ("# answer_limit_ms = 10000", "answer_limit_ms = 5000"),
    "a terminal of no shop": ('store_id = "shop-1"\nterminal_id', 'store_id = "shop-2"\nterminal_id'),
    "a time zone that is none": ('# timezone = "Europe/Moscow"', 'timezone = "Europe/Mosow"'),
}


def by_the_schema(text: str) -> bool:
    return not list(Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text)))


def by_the_loader(write: Write, text: str) -> bool:
    try:
        load(write(text), machine=False)
    except BadSettings:
        return False
    return True


def test_it_is_a_schema_and_every_setting_in_it_is_explained() -> None:
    """Draft 2020-12, with a text beside each setting, in the language that is asked for; nothing in it is of the models' own making."""
    Draft202012Validator.check_schema(SCHEMA)
    russian = json_schema(translator("ru"))
    for name, table in tables():
        other = russian["$defs"][name] if name else russian
        for setting, schema in table["properties"].items():
            assert schema["description"] != other["properties"][setting]["description"], (name, setting)
    words = json.dumps(SCHEMA)
    assert not any(word in words for word in ('"null"', '"title": "Koshelek"', "discriminator", '"format"'))


def test_the_command_prints_it() -> None:
    """In the language that is asked for."""
    printed = CliRunner().invoke(cli, ["config", "schema", "--language", "ru"])
    assert json.loads(printed.stdout) == json_schema(translator("ru"))


def test_both_take_good_files(example: str, write: Write) -> None:
    """The shipped example filled in, the same with everything switched on, and with each further table."""
    for text in (example, uncommented(example), *(f"{example}\n{table}" for table in FURTHER.values())):
        assert (by_the_schema(text), by_the_loader(write, text)) == (True, True), text[-200:]


@pytest.mark.parametrize("name", BAD)
def test_both_refuse_bad_files(example: str, write: Write, name: str) -> None:
    """What is wrong with a value, with a table, or between two of them where a schema can say so."""
    text = (
        spoiled(example, *BAD[name])
        if name != "a token without a place"
        else f"{example}\n{FURTHER['tcp']}".replace('token_file = "/a"', "")
    )
    assert (by_the_schema(text), by_the_loader(write, text)) == (False, False)


@pytest.mark.parametrize("name", ONLY_THE_LOADER)
def test_what_only_the_loader_knows(example: str, write: Write, name: str) -> None:
    """An editor lets it through, the check does not: the page for technicians says so."""
    text = spoiled(example, *ONLY_THE_LOADER[name])
    assert (by_the_schema(text), by_the_loader(write, text)) == (True, False)


def tables() -> list[tuple[str, dict[str, Any]]]:
    """Those of the schema, by the names of their models; that of the whole file has none."""
    return [("", SCHEMA), *((name, table) for name, table in SCHEMA["$defs"].items() if "properties" in table)]


def spoiled(text: str, line: str, instead: str) -> str:
    assert line in text
    return text.replace(line, instead, 1)


def test_every_default_is_right_by_its_own_schema() -> None:
    """What the schema offers an editor, it accepts."""
    for _, table in tables():
        for setting, schema in table["properties"].items():
            whole: dict[str, Any] = {**schema, "$defs": SCHEMA["$defs"]}
            for value in [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]:
                assert Draft202012Validator(whole).is_valid(value), (setting, value)
