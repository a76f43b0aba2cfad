"""Goal: the pages for the programmers of registers are true and complete.

Method: every example of the pages is carried out against a real agent and a real sandbox; its tables are compared with the models, the
machines and the constants that they describe, so that neither can change alone.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import drivers.fields
import drivers.jsonrpc
import drivers.limits
import drivers.problems
import drivers.strictjson
from agent import reasons
from agent.core.answer import Money, Next
from agent.core.ask_refund import MAX_REFUNDS
from agent.core.availability import AvailabilityState
from agent.core.decide_receipt import MAX_RECEIPTS
from agent.core.delivery import DeliveryState
from agent.core.payment import FINISHED, PaymentState
from agent.core.refund import RefundState
from agent.edges import slips
from agent.engine.accept import MAX_LANE_SALES
from drivers import answers, bill, status_answers, validation
from drivers.fields import MAX_ITEMS
from drivers.jsonrpc import ErrorNumber
from drivers.limits import MAX_LINE_BYTES
from drivers.messages import REQUESTS, AvailabilityCreate
from drivers.operator import Proof
from drivers.receipt import FiscalInvoice
from tests.docs.pages import DOCS, PROTOCOL, Marked, Page, names_in
from tests.docs.story import Story, played
from tests.support.stand import ROOT

PAGE = Page.joined(*PROTOCOL)
MODELS: Mapping[str, type[BaseModel]] = REQUESTS | {
    model.__name__: model
    for model in (
        *(bill.CheckoutInvoice, bill.Item, bill.User, bill.Customer, bill.PaymentMethod, bill.RefundItem, bill.ForeignSale),
        *(FiscalInvoice, Proof),
    )
}

MAX_START_LINES = 300
# Of payments by a link, whose examples are carried out in test_link_examples; how the others look is shown in test_payment_links.
OF_LINKS = {"paymentUrl", "paymentUrlMethod", "paymentUrlFields", "paymentUrlState"}


def one(kind: str, name: str = "") -> Marked:
    """What the page marks so."""
    (found,) = [marked for marked in PAGE.marked(kind) if marked.name == name]
    return found


# --- the examples ---


def test_what_the_page_shows_is_what_happens() -> None:
    """Every example, in order, against real processes: answers, slip, fields, programs; and no secret in what is written."""
    with played(PAGE) as story:
        problems = [f"{name}{difference}" for name, told in story.told.items() for difference in told.differences]
        problems += [f"{name}: was not carried out" for name in story.examples.keys() - story.told.keys()]
        problems += slip_problems(story) + field_problems(story) + secret_problems(story) + program_problems(story)
    assert not problems, "\n".join(problems)


def slip_problems(story: Story) -> list[str]:
    """The page's slip is the one that was told, and every slip keeps to its widths."""
    (shown,) = PAGE.marked("slip")
    text = story.told[shown.name].actual[0]["result"]["slip"]["text"][shown.attributes["width"]]
    pairs = zip(shown.blocks[0].text.splitlines(), text.splitlines(), strict=True)
    found = [f"slip: {line!r} is {real!r}" for line, real in pairs if story.likeness.differences(columns(line), columns(real))]
    found += [f"slip: no width {width}" for width in slips.WIDTHS if f'`"{width}"`' not in PAGE.text]
    for slip in (value for value in objects(story) if "text" in value):
        found += [
            f"slip: {line!r} is too long" for width, lines in slip["text"].items() for line in lines.split("\n") if len(line) > int(width)
        ]
    return found


def columns(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def field_problems(story: Story) -> list[str]:
    """Every field that was seen is in its table, what is "always" there always is, and nothing stands in a table that nobody saw."""
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in SHAPES}
    for value in objects(story):
        for name, recognise in SHAPES.items():
            if recognise(value):
                seen[name].append(value)
    found: list[str] = []
    for name, values in seen.items():
        table = {field: row[1] for row in one("answer", name).rows for field in names_in(row[0])}
        always = {field for field, when in table.items() if when == "always"}
        for value in values:
            found += [f"{name}: {field} is not in the table" for field in value.keys() - table.keys()]
            found += [f"{name}: {field} is not always there" for field in always - value.keys()]
        unseen = table.keys() - {field for value in values for field in value} - (OF_LINKS if name == "sale" else set())
        found += [f"{name}: nobody has ever seen {field}" for field in unseen]
    return sorted(set(found))


SHAPES: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "sale": lambda value: "acceptedAt" in value and "businessDate" not in value,
    "row": lambda value: "businessDate" in value,
    "refund": lambda value: "cause" in value and "amount" in value,
    "receipt": lambda value: "receiptId" in value and "state" in value and "code" not in value,
    "slip": lambda value: "totalAmount" in value and "text" in value,
    "list": lambda value: "operations" in value,
    "report": lambda value: "madeAt" in value,
    "decision": lambda value: "choices" in value,
    "status": lambda value: "ready" in value,
    "availability": lambda value: "koshelekPayIsDefault" in value,
    "means": lambda value: "available" in value,
}


def objects(story: Story) -> Iterator[dict[str, Any]]:
    """Every object in every answer of the run, however deep."""
    waiting: list[Any] = [answer for told in story.told.values() for answer in told.actual]
    while waiting:
        match waiting.pop():
            case dict() as value:
                yield value
                waiting += value.values()
            case list() as values:
                waiting += values
            case _:
                pass


def secret_problems(story: Story) -> list[str]:
    """No secret of any request in an answer, an error or the log (promise P21)."""
    secrets: set[str] = set()
    for block in (block for example in story.examples.values() for block in example.blocks if block.language == "json"):
        request = block.json
        params = request.get("params") if isinstance(request, dict) else None
        if isinstance(params, dict):
            secrets |= {params[name] for name in ("cardSession", "barcode", "token") if name in params}
            secrets |= {params["user"]["loyaltyId"]} if "user" in params else set()
    assert len(secrets) > 10
    written = {
        "an answer": json.dumps([told.actual for told in story.told.values()]),
        "the log": story.stand.log.read_text(),
    }
    return [f"secret: {secret!r} stands in {where}" for where, text in written.items() for secret in secrets if secret in text]


def program_problems(story: Story) -> list[str]:
    """The program runs as it stands, with this stand's socket; the command line sends what the first example sends."""
    (program,) = [block.text for block in PAGE.blocks() if block.language == "python"]
    program = program.replace("/run/koshelek-agent/pos.sock", str(story.stand.pos))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    found = [] if (ran.returncode, ran.stdout) == (0, "True\n") else [f"program: {ran.stdout}{ran.stderr}"]
    (command,) = re.findall(r"^\$ echo '(.+)' \| socat -t 90 - UNIX-CONNECT:/run/koshelek-agent/pos\.sock$", PAGE.text, re.MULTILINE)
    return found + ([] if json.loads(command) == story.examples["status"].blocks[0].json else ["program: socat sends something else"])


# --- parameters ---


@pytest.mark.parametrize("name", MODELS)
def test_the_table_of_parameters_is_the_model(name: str) -> None:
    """Names, their order, whether they are required, what they must be, their defaults: word for word."""
    documented = [(names_in(row[0]), row[1], row[2]) for row in one("parameters", name).rows]
    assert documented == [([parameter], required, text) for parameter, required, text, _ in parameters(MODELS[name])]
    for row, (_, _, _, default) in zip(one("parameters", name).rows, parameters(MODELS[name]), strict=True):
        assert (default is None) or f"Default: `{default}`" in row[3], row


def parameters(model: type[BaseModel]) -> list[tuple[str, str, str, str | None]]:
    """Wire name, whether required, what it must be, the default (None: none worth telling)."""
    found = []
    own = list(model.__annotations__)
    order = sorted(model.model_fields, key=lambda name: name in own)  # those of the base classes first
    for name in order:
        field, wire = model.model_fields[name], validation._fields(model)
        alias = field.alias or name
        rule = validation._find_rule(wire[alias])
        one_of = "one of the two" if alias in ("cardSession", "barcode") and model is AvailabilityCreate else "no"
        required = "yes" if field.is_required() else one_of
        default = None if field.default in (None, PydanticUndefined) else json.dumps(field.default).strip('"').removesuffix(".0")
        found.append((alias, required, rule.text if rule else "an object", default))
    return found


def test_every_parameter_is_used_in_an_example() -> None:
    """Each parameter of each method and of each part of a bill occurs in a request that is carried out."""
    used: dict[str, set[str]] = {name: set() for name in MODELS}
    for example in (*PAGE.marked("example"), *PAGE.marked("payout")):
        request = example.blocks[0].json if example.blocks[0].language == "json" else {}
        if isinstance(request, dict) and isinstance(request.get("params"), dict) and request["method"] in REQUESTS:
            _use(used, REQUESTS[request["method"]], request["params"])
    unused = {name: {alias for alias, *_ in parameters(model)} - used[name] for name, model in MODELS.items()}
    assert {name: missing for name, missing in unused.items() if missing} == {}


def _use(used: dict[str, set[str]], model: type[BaseModel], params: Mapping[str, Any]) -> None:
    name = next(name for name, known in MODELS.items() if known is model)
    for alias, value in params.items():
        used[name].add(alias)
        inner = validation._bare(validation._fields(model).get(alias, str))
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and isinstance(inner, type) and issubclass(inner, BaseModel):
                _use(used, inner, part)


# --- methods, states, codes, limits ---


def test_every_method_has_its_section_and_an_example_and_no_other_is_named() -> None:
    """The methods of the page are those of the protocol."""
    carried_out = [*PAGE.marked("example"), *PAGE.marked("payout")]  # these in test_payouts_page
    examples = {block.json["method"] for example in carried_out for block in example.blocks[:1] if _is_request(block.text)}
    assert set(REQUESTS) <= examples
    assert set(re.findall(r"^### ([a-z]+\.[a-z]+)$", PAGE.text, re.MULTILINE)) == set(REQUESTS)
    named = {
        span
        for text in PAGE.code_spans()
        for span in re.findall(r"\b(?:availability|checkout|refund|receipt|operation|payout|agent)\.[a-z]+\b", text)
    }
    assert named == set(REQUESTS)


def _is_request(text: str) -> bool:
    return '"method"' in text and text.startswith("{") and "agent.status}" not in text


def test_the_states_of_a_payment_are_those_of_the_machine() -> None:
    """One line for each, with its end, its success, its money words and what to do next."""
    table = _table_after("## States of a payment", "`state`")
    assert sorted(names_in(row[0])[0] for row in table) == sorted(state.value for state in PaymentState)
    for row in table:
        state = PaymentState(names_in(row[0])[0])
        finished = state in FINISHED
        assert row[1] == ("true" if finished else "false"), row
        assert row[2] == ("null" if not finished else "true" if state is PaymentState.PAID else "false"), row
        assert set(names_in(row[3])) <= {money.value for money in Money}
        assert names_in(row[4]) == ([] if finished else [Next.PERSON if state is PaymentState.ATTENTION else Next.POLL]), row


def test_the_states_of_a_list_of_means_are_those_of_the_code() -> None:
    """One line for each, with its end."""
    table = _table_after("## Which means of payment?", "`state`")
    assert [names_in(row[0])[0] for row in table] == [state.value for state in AvailabilityState]
    assert [row[1] for row in table] == ["false" if state is AvailabilityState.PENDING else "true" for state in AvailabilityState]


def test_the_states_of_a_refund_and_the_words_of_money_are_complete() -> None:
    """One line for each."""
    table = one("refund-states").rows
    assert {names_in(row[0])[0] for row in table} == {state.value for state in RefundState}
    ended = {names_in(row[0])[0]: (row[1], row[2]) for row in table if row[1] == "true"}
    assert ended == {"refunded": ("true", "true"), "declined": ("true", "false")}
    assert [names_in(row[0])[0] for row in _table_after("## States of a payment", "`money`")] == [money.value for money in Money]


def test_the_states_of_a_receipt_are_complete() -> None:
    """One line for each, with its end and its success."""
    table = {names_in(row[0])[0]: (row[1], row[2], row[3]) for row in one("receipt-states").rows}
    open_states = dict.fromkeys(("queued", "sending", "unknown"), ("false", "null", "`poll`"))
    assert table == {**open_states, "delivered": ("true", "true", "-"), "refused": ("true", "false", "-")}
    assert set(table) == {state.value for state in DeliveryState}


def _table_after(heading: str, first: str) -> list[list[str]]:
    text = PAGE.text[PAGE.text.index(f"\n{heading}\n") :]
    lines = text[text.index(f"\n| {first} |") + 1 :].splitlines()
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table[2:]


def test_every_error_code_of_the_sources_is_explained_and_no_other() -> None:
    """The codes that the sources raise are those of the page's table; the numbers are JSON-RPC's."""
    raised: set[str] = set()
    for path in [*ROOT.glob("drivers/*.py"), *ROOT.glob("agent/engine/*.py"), *ROOT.glob("agent/edges/*.py")]:
        raised |= set(
            re.findall(r'(?:Refusal\(|_refused\(|_refusal\([^"\n]*, |_turn_away\(\w+, \w+, |"code": )"([A-Z_]+)"', path.read_text())
        )
    assert {names_in(row[0])[0] for row in one("codes").rows} == raised | set(reasons.ERRORS)
    assert {int(row[0]) for row in _table_after("## Errors", "Number")} == {number.value for number in ErrorNumber}


def test_the_limits_are_those_of_the_code() -> None:
    """Every constant of the drivers that bounds something stands in the table with its value."""
    modules = (drivers.limits, drivers.jsonrpc, drivers.strictjson, drivers.problems, drivers.fields)
    known = {name: value for module in modules for name, value in vars(module).items() if name.startswith("MAX_")}
    known |= {"MAX_LANE_SALES": MAX_LANE_SALES, "MAX_REFUNDS": MAX_REFUNDS, "MAX_RECEIPTS": MAX_RECEIPTS}
    lines = re.findall(r"<!-- limit: (\w+) -->", PAGE.text)
    assert sorted(lines) == sorted(known)
    values = {name: text for text, name in re.findall(r"\| (\d+)[^|]* <!-- limit: (\w+) --> \|", PAGE.text)}
    assert values == {name: str(int(value)) for name, value in known.items()}


def test_so_many_lines_fit_into_a_request() -> None:
    """The figures beside the 1000: with Russian names as they are and escaped, and of the shortest lines that there are."""
    milk = {"article": "100300", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}
    milk |= {"name": "Молоко «Домик в деревне» 3,2 % 950 мл пак."}
    shortest = {"name": "a", "article": "1", "price": 1, "quantity": 1, "totalAmount": 1, "tax": "none"}
    length = f"{MAX_LINE_BYTES} bytes hold about 380 lines with Russian names of {len(str(milk['name']))} letters"
    for text in (length, "room for about 237 lines", "no bill of more than 825", f"| {MAX_LINE_BYTES} bytes | `INVALID` |"):
        assert text in PAGE.text
    assert 380 <= most_lines(milk, ensure_ascii=False) < 385
    assert most_lines(milk) == 237
    assert most_lines(shortest, ensure_ascii=False, separators=(",", ":")) == 825


def most_lines(line: Mapping[str, Any], **style: Any) -> int:
    """How many of them a whole request takes that is written so."""
    params = {"storeId": "S12", "terminalId": "till-03", "key": "20260131-0345", "cardSession": "PAY001", "token": "t" * 40}
    params |= {"user": {"loyaltyId": "2900000012345"}}

    def bytes_of(count: int) -> int:
        invoice = {"orderId": "S12-000345", "totalAmount": 27000 * count, "items": [line] * count}
        request = {"jsonrpc": "2.0", "id": 1, "method": "checkout.create", "params": {**params, "checkoutInvoice": invoice}}
        return len(json.dumps(request, **style).encode())

    return next(count for count in range(1, MAX_ITEMS) if bytes_of(count + 1) > MAX_LINE_BYTES)


# --- answers and reasons ---

TYPED = {
    "sale": answers.CheckoutAnswer,
    "refund": answers.RefundAnswer,
    "receipt": answers.ReceiptAnswer,
    "slip": answers.SlipAnswer,
    "code": answers.QrAnswer,
    "list": answers.OperationListAnswer,
    "report": answers.ReportAnswer,
    "status": status_answers.StatusAnswer,
    "availability": answers.AvailabilityAnswer,
    "means": answers.PaymentTypeAnswer,
}


@pytest.mark.parametrize("name", TYPED)
def test_what_the_drivers_promise_is_in_the_table(name: str) -> None:
    """Every member of the typed answers is documented."""
    documented = {field for row in one("answer", name).rows for field in names_in(row[0])}
    assert set(get_type_hints(TYPED[name])) <= documented


@pytest.mark.parametrize("name", ["own", "link", "rejections", "refusals", "payout", "bills", "returns"])
def test_the_reasons_are_those_a_cashier_reads(name: str) -> None:
    """Each code with its sentence, in English, word for word."""
    known = {"own": reasons.OWN, "link": reasons.LINK, "rejections": reasons.REJECTIONS, "refusals": reasons.REFUSALS}
    known |= {"payout": reasons.PAYOUT, "bills": reasons.BILLS, "returns": reasons.RETURNS}
    assert {names_in(row[0])[0]: row[1] for row in one("reasons", name).rows} == known[name]


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_the_links_lead_somewhere(name: str) -> None:
    """Inside a page, to other pages and their chapters, to files beside them."""
    for link in Page(name).links():
        page, _, anchor = link.partition("#")
        if page.startswith(("http:", "https:")):
            continue
        assert (DOCS / page).is_file() if page else anchor, link
        assert not anchor or anchor in Page(page or name).anchors(), link


def test_links_are_found() -> None:
    """The control: a page without any would lead nowhere unseen."""
    assert sum(1 for name in PROTOCOL for _ in Page(name).links()) > 50


def test_the_chapters_are_short_enough_to_be_read() -> None:
    """The page that everybody reads stays one that can be read, and leads to all others."""
    start = Page(PROTOCOL[0])
    assert len(start.text.splitlines()) <= MAX_START_LINES
    assert set(PROTOCOL[1:]) <= {link.partition("#")[0] for link in start.links()}
