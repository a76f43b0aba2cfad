"""Goal: a setting's line number is always the line it stands on. Method: small texts, and a property over generated files."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from agent.settings.places import line_of, places

TEXT = '''# comment = 1
environment = "test"   # [not.a.header]
"quoted key" = 1
a.b . "c" = 2

[provider.koshelek]
login = """
[store]
fake = 1 \\"""
"""
list = [
  1, # ]
  2,
]
after = 'x'
inline = { inner = [1, {deep = "}"}] }

[[store]]
store_id = "one"
[store.more]
x = 1
[[store]]
store_id = "two"
  [[store.till]]
  name = \'\'\'
[[store]]\'\'\'
  [[store.till]]
  name = 1
[ log ]
level = "info"'''


def test_every_kind_of_line_is_found() -> None:
    """Headers, dotted and quoted keys, tables in arrays, and keys after values that look like headers are found at their lines."""
    tomllib.loads(TEXT)
    found = places(TEXT)
    expected = {
        ("environment",): 2,
        ("quoted key",): 3,
        ("a", "b", "c"): 4,
        ("provider", "koshelek"): 6,
        ("provider", "koshelek", "login"): 7,
        ("provider", "koshelek", "list"): 11,
        ("provider", "koshelek", "after"): 15,
        ("provider", "koshelek", "inline"): 16,
        ("store", 0): 18,
        ("store", 0, "store_id"): 19,
        ("store", 0, "more"): 20,
        ("store", 0, "more", "x"): 21,
        ("store", 1): 22,
        ("store", 1, "store_id"): 23,
        ("store", 1, "till", 0): 24,
        ("store", 1, "till", 0, "name"): 25,
        ("store", 1, "till", 1): 27,
        ("store", 1, "till", 1, "name"): 28,
        ("log",): 29,
        ("log", "level"): 30,
    }
    assert found == expected


def test_what_has_no_line_of_its_own_gets_that_of_its_table() -> None:
    """A missing key is reported at its table, a member of a list at the list, and something without any place nowhere."""
    found = places(TEXT)
    assert line_of(found, ("store", 1, "account")) == 22
    assert line_of(found, ("provider", "koshelek", "list", 1)) == 11
    assert line_of(found, ("provider", "koshelek", "inline", "inner")) == 16
    assert line_of(found, ("missing",)) is None


KEYS = st.sampled_from(["alpha", "beta-1", '"with \\"quotes\\" [x]"', "'lit # eral'", "gamma.delta", "g . 'h'"])
VALUES = st.sampled_from(
    [
        "1",
        '"text # no comment"',
        "'lit'",
        '"""many\n[lines]\n= 1"""',
        "'''a\n]b'''",
        "[1,\n 2]",
        "[[1],\n# ]\n[2]]",
        "{x = [1], y = '}'}",
        "1979-05-27",
    ]
)


@given(st.lists(st.tuples(KEYS, VALUES, st.booleans()), max_size=8, unique_by=lambda pair: pair[0]))
def test_generated_files(pairs: list[tuple[str, str, bool]]) -> None:
    """Whatever values stand before a key, its line is the one that begins with it."""
    lines = ["[[table]]"]
    expected = []
    for index, (key, value, comment) in enumerate(pairs):
        expected.append(sum(line.count("\n") + 1 for line in lines) + 1)
        lines.append(f"{key}{index} = {value}" if key.isidentifier() else f"k{index}.{key} = {value}")
        if comment:
            lines.append("# other = [")
    text = "\n".join(lines)
    tomllib.loads(text)
    found = places(text)
    assert [line for place, line in found.items() if len(place) > 2] == expected
    assert len(places(text.replace("\n", "\r\n"))) == len(found)
