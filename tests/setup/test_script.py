"""Goal: a technician is asked what must be known and no more, can go back, and gets nowhere with what is no answer. Method: the script
played without a terminal."""

import pytest

from agent.ops.setup.interview import Interview
from agent.ops.setup.question import Kind, NoAnswer, Option, Question, checked, typed
from agent.ops.setup.script import CONNECTIONS, Known
from agent.settings.problems import key_path
from agent.texts import message

EVERY_SYSTEM = {
    "koshelek": ["address", "login", "password"],
    "paycore": ["address", "login", "password", "service", "page"],
    "softline": ["address", "login", "password", "payment_method", "return_success_url", "refund_email"],
    "payconnect": ["address", "password"],
}
OF_A_CONNECTION = {
    "unix": ["kind", "users", "path", "terminals"],
    "tcp": ["kind", "port", "name", "token", "terminals"],
    "http": ["kind", "port", "name", "token", "terminals"],
    "serial": ["kind", "path", "baud", "terminals"],
    "pty": ["kind", "path", "group", "terminals"],
}


def answer(interview: Interview, **given: object) -> list[str]:
    """Answer everything: as given by the end of the question's name, else by its default, else by something. The names, in order."""
    names = []
    while (question := interview.question) is not None:
        names.append(key_path(question.place))
        last = str(question.place[-1])
        value = given.get(last, question.default)
        if value is None and not question.optional:
            value = question.options[0].value if question.kind is Kind.CHOICE else [question.options[0].value] if question.options else "x"
        interview.give(question, value)
    return names


@pytest.mark.parametrize("system", EVERY_SYSTEM)
def test_each_system_is_asked_what_it_needs(system: str) -> None:
    """And the shop's ids in SBP are asked for Koshelek alone."""
    names = answer(Interview(Known()), environment="test", systems=[system])
    assert [name.partition(".")[2] for name in names if name.startswith(f"{system}.")] == EVERY_SYSTEM[system]
    assert ("store#1.merchant_id" in names, "helper" in names) == (system == "koshelek", system == "koshelek")
    assert len(names) <= 25


def test_real_money_at_payconnect_asks_for_the_confirmations() -> None:
    """With play money nobody need have answered them."""
    names = answer(Interview(Known()), environment="production", systems=["payconnect"])
    assert "payconnect.confirmed_assumptions" in names


@pytest.mark.parametrize("kind", CONNECTIONS)
def test_each_way_in_is_asked_what_it_needs(kind: str) -> None:
    """The names of the answers, as they stand in an answers file."""
    names = answer(Interview(Known()), kind=kind, another=False)
    assert [name.partition(".")[2] for name in names if name.startswith("connection#1.")] == [*OF_A_CONNECTION[kind], "another"]


def test_several_shops_and_systems_have_more_to_ask_of_a_till() -> None:
    """Which shop, which payment system: only where there is a choice."""
    interview = Interview(Known())
    more = iter([True, False, False, False])
    names = []
    while (question := interview.question) is not None:
        names.append(key_path(question.place))
        last = question.place[-1]
        value = ["koshelek", "paycore"] if last == "systems" else next(more) if last == "another" else question.default
        interview.give(question, value if value is not None else question.options[0].value if question.options else "x")
    assert {"store#2.store_id", "terminal#1.store_id", "terminal#1.provider"} <= set(names)
    assert not {"terminal#1.store_id", "terminal#1.provider"} & set(answer(Interview(Known())))


def test_going_back_offers_what_was_answered() -> None:
    """One question at a time, to the very first; a secret is typed again."""
    interview = Interview(Known())
    first = interview.question
    assert first is not None
    assert not interview.back()
    interview.give(first, "production")
    second = interview.question
    assert second is not None
    assert second.place != first.place
    interview.give(second, "en")
    assert interview.back()
    assert interview.back()
    again = interview.question
    assert (again and again.place, again and again.default) == (first.place, "production")
    answer(interview, systems=["koshelek"])
    interview.back_to(("koshelek", "password"))
    secret = interview.question
    assert (secret and secret.kind, secret and secret.default) == (Kind.SECRET, None)
    assert ("store", 0, "store_id") not in interview.answers


def test_todays_configuration_is_the_default() -> None:
    """Whatever it says goes before any other default; its further tables are gone through as well."""
    present = {("environment",): "production", ("timezone",): "Asia/Omsk", ("store", 0, "store_id"): "A", ("store", 1, "store_id"): "B"}
    interview = Interview(Known(present=present, timezone="Asia/Tomsk"))
    names = answer(interview)
    assert (interview.answers["environment",], interview.answers["timezone",]) == ("production", "Asia/Omsk")
    assert ("store#2.store_id" in names, "store#3.store_id" in names) == (True, False)


def test_another_kind_of_connection_has_its_own_defaults() -> None:
    """The path of today's socket is not offered as that of a pseudo-terminal; with the same kind it is."""
    present = {("connection", 0, "kind"): "unix", ("connection", 0, "path"): "/run/old.sock", ("connection", 0, "terminals"): ["S12/*"]}
    for kind, path in (("unix", "/run/old.sock"), ("pty", "/run/koshelek-agent/till-01.tty")):
        interview = Interview(Known(present=present))
        answer(interview, kind=kind)
        assert interview.answers["connection", 0, "path"] == path


A_CHOICE = Question(("x",), Kind.CHOICE, message("?"), options=(Option("a"), Option("b")))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "  a b ", "a b"),
        (Kind.NUMBER, "9600", 9600),
        (Kind.YES_NO, "Да", True),
        (Kind.YES_NO, "n", False),
        (Kind.CHOICE, "2", "b"),
        (Kind.CHOICE, "a", "a"),
        (Kind.PLACE, "/dev/x", "/dev/x"),
        (Kind.PLACE, "1", "a"),
        (Kind.SEVERAL, "b, a", ["b", "a"]),
        (Kind.WORDS, "root kassa,1000", ["root", "kassa", "1000"]),
        (Kind.TEXT, "-", "-"),
    ],
)
def test_what_is_typed_becomes_a_value(kind: Kind, text: str, value: object) -> None:
    """Options by name or number, lists with blanks or commas."""
    assert typed(Question(("x",), kind, message("?"), options=A_CHOICE.options), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, "") for kind in Kind),
        (Kind.TEXT, "a\x1b[2J"),
        (Kind.TEXT, "a" * 5000),
        (Kind.NUMBER, "7 432"),
        (Kind.NUMBER, "²"),
        (Kind.NUMBER, "-1"),
        (Kind.YES_NO, "maybe"),
        (Kind.CHOICE, "3"),
        (Kind.SEVERAL, "a c"),
    ],
)
def test_what_is_no_answer_is_told(kind: Kind, text: str) -> None:
    """Nothing, where there is no default; control characters, files pasted in, numbers that are none, options that are not there."""
    with pytest.raises(NoAnswer):
        typed(Question(("x",), kind, message("?"), options=A_CHOICE.options), text)


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.TEXT, 5), (Kind.NUMBER, True), (Kind.NUMBER, "1"), (Kind.YES_NO, 1), (Kind.WORDS, "root")]
)
def test_a_value_of_another_kind_is_told(kind: Kind, value: object) -> None:
    """As an answers file may hold it."""
    with pytest.raises(NoAnswer):
        checked(Question(("x",), kind, message("?")), value)


def test_an_optional_answer_can_be_taken_out() -> None:
    """By a dash where it stands in the brackets, by an empty text in a file; Enter keeps it."""
    question = Question(("x",), Kind.TEXT, message("?"), default="card", optional=True)
    assert (typed(question, ""), typed(question, "-"), checked(question, "")) == ("card", None, None)
