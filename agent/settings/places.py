"""Where in a TOML file a setting stands: dotted path to line number.

``tomllib`` forgets lines as it reads, and a technician with a wrong value needs the line. This scanner knows only as much TOML as that
takes: headers, keys, and where a value ends. It is given texts that ``tomllib`` has accepted, so it need not find errors. Keys
inside inline tables are not told apart: they stand where their table stands.
"""

import re

Place = tuple[str | int, ...]  # ("store", 1, "account"): the key "account" of the second [[store]]

_KEY = r"""(?: [A-Za-z0-9_-]+ | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' )"""
_DOTTED = rf"{_KEY} (?: [ \t]* \. [ \t]* {_KEY} )*"
_HEADER = re.compile(rf"(?x) (?P<open>\[\[?) [ \t]* (?P<keys>{_DOTTED}) [ \t]* \]")
_ASSIGNMENT = re.compile(rf"(?x) (?P<keys>{_DOTTED}) [ \t]* =")
_ONE_KEY = re.compile(f"(?x) {_KEY}")
_VALUE_PART = re.compile(  # whole strings and comments, so that a bracket or line end inside one does not count
    r"""(?xs) \"\"\" (?: \\. | [^\\] )*? "{3,5} | \'\'\' .*? \'{3,5}
    | " (?: \\. | [^"\\\n] )* " | \'[^\'\n]*\' | \#[^\n]* | [\[{] | [\]}] | \n"""
)


def places(text: str) -> dict[Place, int]:
    """The line (from 1) of every header and key of a valid TOML text."""
    found: dict[Place, int] = {}
    tables: dict[Place, int] = {}  # arrays of tables: how many elements so far
    here: Place = ()
    position = 0
    while position < len(text):
        if text[position] in " \t\r\n":
            position += 1
            continue
        line = text.count("\n", 0, position) + 1
        if header := _HEADER.match(text, position):
            here = _enter(tables, _split(header["keys"]), array=header["open"] == "[[")
            found.setdefault(here, line)
            position = _end_of_line(text, header.end())
        elif assignment := _ASSIGNMENT.match(text, position):
            found.setdefault((*here, *_split(assignment["keys"])), line)
            position = _end_of_value(text, assignment.end())
        else:
            position = _end_of_line(text, position)  # a comment
    return found


def line_of(found: dict[Place, int], place: Place) -> int | None:
    """The line of a setting, else of the nearest table around it."""
    for length in range(len(place), 0, -1):
        if line := found.get(place[:length]):
            return line
    return None


def _split(keys: str) -> list[str]:
    return [key[1:-1] if key[0] in "\"'" else key for key in _ONE_KEY.findall(keys)]


def _enter(tables: dict[Place, int], keys: list[str], *, array: bool) -> Place:
    """The place a header leads to. A header below an array of tables means that array's newest element."""
    place: Place = ()
    for key in keys[:-1]:
        place = _newest(tables, (*place, key))
    place = (*place, keys[-1])
    if not array:
        return _newest(tables, place)
    tables[place] = tables.get(place, 0) + 1
    return _newest(tables, place)


def _newest(tables: dict[Place, int], place: Place) -> Place:
    return (*place, tables[place] - 1) if place in tables else place


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _end_of_value(text: str, position: int) -> int:
    depth = 0
    for part in _VALUE_PART.finditer(text, position):
        match part[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth == 0:
                return part.end()
            case _:
                pass
    return len(text)
