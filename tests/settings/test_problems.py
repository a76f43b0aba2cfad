"""Goal: a technician is told everything that is wrong in one run, where it is, what is right, and how to write it.

Method: the filled-in example is broken one way at a time (and all ways at once), and the problems are read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.model import Environment
from agent.settings import BadSettings, Problem, describe, load
from agent.settings import load as load_module
from agent.settings.load import MAX_FILE_BYTES, find

Problems = Callable[..., list[Problem]]
Write = Callable[[str], Path]


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)  # the first is Koshelek's


# what to replace, by what; the key path of the problem; a part of its words; a part of its hint or example
MISTAKES = [
    ('environment = "test"', 'environment = "prod"', "environment", 'not allowed: "prod"', '"test", "production"'),
    ('environment = "test"', "environment = 1", "environment", "not allowed: 1", '"test", "production"'),
    ('environment = "test"', "", "environment", "missing", 'environment = "test"'),
    ('environment = "test"', 'environment = "test"\nlangage = "ru"', "langage", "Unknown setting", "Did you mean language?"),
    (
        'environment = "test"',
        'environment = "test"\nwait_limit_s = 3',
        "wait_limit_s",
        "Unknown",
        "elsewhere: provider.",
    ),
    ('environment = "test"', 'environment = "test"\nxyzzy = 3', "xyzzy", "Unknown", "Known here are: environment, language"),
    ("# language = ", 'language = "de"\n#', "language", "not allowed", '"ru", "en"'),
    ("# timezone = ", 'timezone = "Europe/Moskau"\n#', "timezone", "Europe/Moskau", 'timezone = "Europe/Moscow"'),
    ("# timezone = ", 'timezone = "../../etc/passwd"\n#', "timezone", "no time zone", "tzdata"),
    ("# allow_volatile = ", 'allow_volatile = "no"\n#', "journal.allow_volatile", "Wrong kind of value: text", "without quotes"),
    ("# allow_volatile = ", 'path = "journal"\n#', "journal.path", "begin with a slash", ""),
    ("# first_read_ms = ", "first_read_ms = 100\n#", "provider.koshelek.first_read_ms", "100", "from 250 to 500 (milliseconds)"),
    ("# first_read_ms = ", "first_read_ms = true\n#", "provider.koshelek.first_read_ms", "true or false", "first_read_ms = 300"),
    ("# first_read_ms = ", "first_read_ms = 300.5\n#", "provider.koshelek.first_read_ms", "a number with a fraction", ""),
    ("# first_read_ms = ", "first_read_ms = 1979-05-27\n#", "provider.koshelek.first_read_ms", "a date or time", ""),
    ("# wait_limit_s = ", 'wait_limit_s = "30"\n#', "provider.koshelek.wait_limit_s", "text", "from 5 to 30 (seconds)"),
    ("# key_reuse_h = ", "key_reuse_h = 0\n#", "provider.koshelek.key_reuse_h", "0", "(hours)"),
    ("# unanswered_attempts = ", "unanswered_attempts = 11\n#", "provider.koshelek.unanswered_attempts", "11", "from 1 to 10."),
    ("# rereads_s = ", "rereads_s = [60, 1]\n#", "provider.koshelek.rereads_s#2", "1", "rereads_s = [60, 600, 3600, 86400]"),
    ("# rereads_s = ", "rereads_s = 60\n#", "provider.koshelek.rereads_s", "Wrong kind", "each member a whole number"),
    ("# payment_methods = ", 'payment_methods = ["SPB"]\n#', "provider.koshelek.payment_methods#1", "SPB", '"SBP", "DOLYAME"'),
    ("# answer_limit_ms = ", "answer_limit_ms = 6499\n#", "provider.koshelek.answer_limit_ms", "6500 here, not 6499", ""),
    ("# attempt_limit_ms = ", "attempt_limit_ms = 9000\n#", "provider.koshelek.attempt_limit_ms", "must not be above", ""),
    ("# denied_statuses = ", "denied_statuses = [401, 422]\n#", "provider.koshelek.denied_statuses#2", "own answer", ""),
    ("# denied_statuses = ", "denied_statuses = [500]\n#", "provider.koshelek.denied_statuses#1", "500", "from 400 to 499"),
    (
        "# connect_limit_ms = ",
        "connect_limit_ms = 5000\n#",
        "provider.koshelek.connect_limit_ms",
        "10500 here",
        "",
    ),
    (
        "# settle_backoff_cap_ms = ",
        "settle_backoff_cap_ms = 500\n#",
        "provider.koshelek.settle_backoff_cap_ms",
        "settle_backoff_base_ms",
        "",
    ),
    ('login = "acme-till"', 'login = "a:b"', "provider.koshelek.login", "not allowed", 'login = "acme"'),
    ('login = "acme-till"', 'login = "x"\npassword = "hunter2"', "provider.koshelek.password", "Unknown", "never written here"),
    ('password_credential = "koshelek-password"', "", "provider.koshelek.password_file", "missing", "password_credential"),
    (
        'password_credential = "koshelek-password"',
        'password_credential = "a"\npassword_file = "/x"',
        "provider.koshelek.password_credential",
        "not both",
        "",
    ),
    (
        'environment = "test"',
        'environment = "production"',
        "provider.koshelek.production_base_url",
        "needed",
        "https://api.koshelek.app/acme",
    ),
    ("https://api-test.koshelek.app/acme", "https://api.koshelek.app/acme", "provider.koshelek.test_base_url", "production host", ""),
    ('store_id = "shop-1"         #', 'store_id = "shop 1"  #', "store#1.store_id", "not allowed", ""),
    ('account = "40702810000000000001"', "#", "store#1.account", "missing", 'account = "40702810000000000001"'),
    ('terminal_id = "till-1"', 'terminal_id = "till/1"', "terminal#1.terminal_id", "not allowed", ""),
    ('# offline = "queue"', 'offline = "wait"', "terminal#1.offline", "wait", '"queue", "refuse"'),
    ("# send_deadline_s = 30", "send_deadline_s = 121", "terminal#1.send_deadline_s", "121", "from 1 to 120 (seconds)"),
    ('kind = "unix"', 'kind = "udp"', "listener#1.kind", "udp", '"unix", "tcp", "http", "page", "serial", "pty"'),
    ('kind = "unix"', "", "listener#1.kind", "missing", '"unix", "tcp"'),
    ('kind = "unix"', 'kind = "tcp"', "listener#1.port", "missing", "from 1 to 65535"),
    ('kind = "unix"', 'kind = "unix"\nbaud = 1', "listener#1.baud", "Unknown setting", "Known here are: kind, path"),
    ('kind = "unix"', 'kind = "serial"\nbaud = 1', "listener#1.baud", "not allowed: 1", "115200"),
    ('users = ["root"]', "", "listener#1.users", "Nobody could connect", "groups ="),
    ('users = ["root"]', "users = [1]", "listener#1.users#1", "Wrong kind of value: a whole number", "text in quotes"),
    ('users = ["root"]', 'users = ["a b"]', "listener#1.users#1", "not allowed", 'users = ["kassa"]'),
    ('terminals = ["shop-1/till-1"]', 'terminals = ["shop-1"]', "listener#1.terminals#1", "no such terminal", "storeId/terminalId"),
    ('terminals = ["shop-1/till-1"]', 'terminals = ["shop-1/till-2"]', "listener#1.terminals#1", "no such terminal", "*/*"),
    ('terminals = ["shop-1/till-1"]', "", "listener#1.terminals", "missing", 'terminals = ["*/*"]'),
    ("# requests_per_s = 50", "requests_per_s = 0", "listener#1.requests_per_s", "0", "(per second)"),
    ("# [helper]", '[helper]\ncommand = ["helper"]\n#', "helper.command#1", "begin with a slash", ""),
    (
        '[[terminal]]\nstore_id = "shop-1"',
        '[[terminal]]\nstore_id = "shop-2"',
        "terminal#1.store_id",
        "no [[store]]",
        "Known stores: shop-1",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "problem", "help_text"), MISTAKES, ids=lambda value: str(value)[:30])
def test_a_mistake_is_named_with_its_line_and_what_is_right(
    example: str, problems: Problems, old: str, new: str, path: str, problem: str, help_text: str
) -> None:
    """One wrong thing: one problem with the right key, line, words and help."""
    text = replaced(example, old, new)
    (found,) = [one for one in problems(text) if one.key_path == path]
    assert problem in str(found.problem)
    assert help_text in f"{found.hint} {found.example}"
    line = text.splitlines()[(found.line or 0) - 1] if found.line else ""
    key = path.rpartition(".")[2].partition("#")[0]
    assert line.startswith((key, "[")) or found.line is None


def test_all_mistakes_are_reported_at_once(example: str, problems: Problems) -> None:
    """Wrong kinds, wrong values and broken relations of one file come together, sorted by line."""
    text = example
    for old, new in (
        ("# language = ", 'language = "de"\n#'),
        ("# first_read_ms = ", "first_read_ms = 100\n#"),
        ('login = "acme-till"', "login = 5"),
        ('users = ["root"]', ""),
        ('terminals = ["shop-1/till-1"]', 'terminals = ["shop-9/till-1"]'),
        ("# send_deadline_s = 30", "send_deadlin_s = 30"),
    ):
        text = replaced(text, old, new)
    found = problems(text)
    assert [problem.key_path for problem in found] == [
        "language",
        "provider.koshelek.login",
        "provider.koshelek.first_read_ms",
        "terminal#1.send_deadlin_s",
        "listener#1.users",
        "listener#1.terminals#1",
    ]
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)


SECOND_STORE = """
[[store]]
store_id = "{store}"
brand_name = "b"
legal_name = "l"
legal_id = "l"
merchant_id = "{merchant}"
account = "a"
member_id = "m"
"""


def test_stores_and_merchants_map_one_to_one(example: str, problems: Problems) -> None:
    """Two stores with one merchantId, and one storeId with two merchantIds, are both refused."""
    (shared,) = problems(example + SECOND_STORE.format(store="shop-2", merchant="MB01"))
    assert shared.key_path == "store#2.merchant_id"
    assert "belongs to the store shop-1" in str(shared.problem)
    (twice,) = problems(example + SECOND_STORE.format(store="shop-1", merchant="MB02"))
    assert (twice.key_path, "twice" in str(twice.problem)) == ("store#2.store_id", True)


def test_a_till_is_unique_in_its_store_only(example: str, problems: Problems, write: Write) -> None:
    """The same terminalId twice in a store is refused; in another store it is another till."""
    till = '\n[[terminal]]\nstore_id = "{}"\nterminal_id = "till-1"\n'
    (twice,) = problems(example + till.format("shop-1"))
    assert twice.key_path == "terminal#2.terminal_id"
    settings = load(write(example + SECOND_STORE.format(store="shop-2", merchant="MB02") + till.format("shop-2")))
    assert settings.terminal_named("shop-2", "till-1") is settings.terminal[1]


RETIRED = """
[[provider.koshelek.retired]]
environment = "production"
base_url = "{url}"
login = "old"
password_credential = "old-password"
"""


def test_a_retired_account_is_checked_like_the_one_in_use(example: str, problems: Problems, write: Write) -> None:
    """Its address must fit its side; a right one is kept for watching, beside the account in use."""
    table = "\n\n\n# The command around"
    (wrong,) = problems(example.replace(table, RETIRED.format(url="http://127.0.0.1:1/x") + table))
    assert (wrong.key_path, "Real money" in str(wrong.problem)) == ("provider.koshelek.retired#1.base_url", True)
    settings = load(write(example.replace(table, RETIRED.format(url="https://api.koshelek.app/old") + table)))
    assert settings.provider.koshelek is not None
    assert settings.provider.koshelek.retired[0].environment is Environment.PRODUCTION
    with pytest.raises(KeyError, match="production_base_url"):
        settings.provider.koshelek.base_url(Environment.PRODUCTION)
    assert settings.store_named("shop-1") is settings.store[0]
    assert settings.store_named("shop-2") is None


def test_a_table_in_the_place_of_a_value(problems: Problems) -> None:
    """What a list of tables, a table, and a single table must be is said in words."""
    found = {
        problem.key_path: f"{problem.hint} {problem.example}"
        for problem in problems("journal = 1\nstore = []\nprovider = {koshelek = 2}\n")
    }
    assert "a table. [journal]" in found["journal"]
    assert "at least one table. [[store]]" in found["store"]
    assert "a table. [provider.koshelek]" in found["provider.koshelek"]


def test_two_listeners_need_two_paths(example: str, problems: Problems) -> None:
    """A socket path cannot be listened on twice."""
    listener = example[example.index("[[listener]]") :]
    (found,) = problems(f"{example}\n{listener}")
    assert (found.key_path, str(found.problem)) == ("listener#2.path", "Two listeners have this path.")


def test_values_of_the_wrong_kind_anywhere_do_not_stop_the_check(problems: Problems) -> None:
    """A file in which every table is something else is still answered with problems, not with a crash."""
    for text in (
        "provider = 1\nstore = 2\nterminal = [3]\nlistener = [{path = 1, terminals = 2, users = 3}]\nhelper = []\ntimezone = 4\n",
        "[provider.koshelek]\nretired = [{base_url = 1}]\ntest_base_url = 5\npassword_file = 6\n[helper]\ncommand = 'x'",
        "store = [[1], [2]]\n[provider]\nkoshelek = [1]\n[[terminal]]\nterminal_id = 5\nstore_id = 'x'",
        "[[store]]\nstore_id = 1\nmerchant_id = []",
        "",
    ):
        assert problems(text, machine=True)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('environment = "test"\nlanguage = ru\n', 2, "character 12 of the line"),
        ("a = 1\na = 2\n", 2, "overwrite"),
        ('a = """\n\n', 2, "ends too early"),
        ("\n\n= 1\n", 3, "Invalid statement"),
    ],
)
def test_a_syntax_error_has_line_and_column(problems: Problems, text: str, line: int, words: str) -> None:
    """What is not TOML is reported alone, where it is."""
    (found,) = problems(text)
    assert (found.line, words in str(found.problem)) == (line, True)
    shown = text.splitlines()[line - 1].strip()
    assert found.hint is None or shown in str(found.hint) or (found.example or "").replace('"', "") == shown


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("language = ru", 'language = "ru"'),
        ("path=/dev/ttyUSB0  # the left one", 'path = "/dev/ttyUSB0"'),
        ("legal_name = ООО Ромашка", 'legal_name = "ООО Ромашка"'),
        ('language = "ru', None),
        ("= ru", None),
        ("users = [kassa]", None),
    ],
)
def test_a_text_without_quotes_is_told_as_that(problems: Problems, line: str, right: str | None) -> None:
    """The commonest slip of the hand; nothing of the kind is said of another."""
    (found,) = problems(f"# a\n{line}\n")
    assert (found.line, found.example) == (2, right)
    assert ("quotes" in str(found.hint)) is (right is not None)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Missing, too long, and wrongly encoded files are problems with words, not tracebacks."""
    path = tmp_path / "a.toml"
    with pytest.raises(BadSettings, match=r"There is no file .*a\.toml\."):
        load(path)
    path.write_bytes("# касса\n# касса".encode("cp1251"))
    with pytest.raises(BadSettings, match=r"line 1(.|\n)*not UTF-8(.|\n)*Save the file"):
        load(path)
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(BadSettings, match="longer than"):
        load(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadSettings, match="is not a file"):
        load(path)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "{b=" * 5000, f"a = {'[' * 5000}{']' * 5000}", "a = " + "1" * 5000])
def test_an_endless_file_is_a_problem(problems: Problems, text: str) -> None:
    """Thousands of brackets within each other, and a number that Python refuses, end in words."""
    (found,) = problems(text)
    assert "no configuration" in str(found.problem)


@pytest.mark.parametrize("depth", [50, 150, 250, 300, 320, 340, 400])
@pytest.mark.parametrize("table", ["stray", "log"])
def test_many_brackets_are_a_problem(problems: Problems, depth: int, table: str) -> None:
    """What can be parsed just so is not too deep for the checks after it."""
    assert problems(f"{table} = {'[' * depth}{']' * depth}\n")
    assert problems(f"{table} = {'{a=' * depth}1{'}' * depth}\n")


def test_windows_line_ends_are_accepted(example: str, tmp_path: Path) -> None:
    """A file edited on another system is the same file."""
    path = tmp_path / "a.toml"
    path.write_bytes(example.replace("\n", "\r\n").encode())
    assert load(path).store[0].brand_name == "Ромашка"


def test_the_text_is_complete_in_both_languages(example: str, problems: Problems) -> None:
    """What the command line prints: file, line, key, problem, what is right, example; in Russian as well."""
    found = problems(replaced(example, "# first_read_ms = ", "first_read_ms = 100\n#"))
    english = describe(found, "en")
    assert english.splitlines()[0] == f"{found[0].file}, line {found[0].line}: provider.koshelek.first_read_ms"
    assert english.splitlines()[1:] == [
        "  This value is not allowed: 100.",
        "  Right is: a whole number from 250 to 500 (milliseconds).",
        "  Example: first_read_ms = 300",
    ]
    assert "Правильно: целое число от 250 до 500 (миллисекунды)." in describe(found, "ru")
    assert str(BadSettings(found)) == english


def test_no_problem_quotes_an_unknown_value(example: str, problems: Problems) -> None:
    """A password written under a wrong name is not repeated on the screen or in a log."""
    text = replaced(example, 'login = "acme-till"', 'login = "x"\npasword = "hunter2"')
    assert "hunter2" not in describe(problems(text), "ru")


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line's file first, then the machine's, then the user's; none at all is a problem that names the places."""
    system, user = tmp_path / "etc.toml", tmp_path / "home" / "koshelek-agent" / "koshelek-agent.toml"
    monkeypatch.setitem(load_module.__globals__, "SYSTEM_FILE", system)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    with pytest.raises(BadSettings, match="--config") as bad:
        find()
    assert str(user) in str(bad.value)
    user.parent.mkdir(parents=True)
    user.touch()
    assert find() == user
    system.touch()
    assert find() == system
    assert find(Path("x.toml")) == Path("x.toml")


def test_the_journal_lies_where_systemd_says(example: str, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A configured path wins, then the state directory of the unit, then the user's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert load(write(example)).journal_path() == tmp_path / "koshelek-agent" / "journal.sqlite3"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert load(write(example)).journal_path() == Path("/var/lib/one/journal.sqlite3")
    configured = replaced(example, "# allow_volatile = ", 'path = "/x/y.db"\n#')
    assert load(write(configured)).journal_path() == Path("/x/y.db")
    assert os.environ["STATE_DIRECTORY"]
