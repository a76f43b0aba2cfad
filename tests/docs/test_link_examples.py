"""Goal: what the pages show of paying by a link is so. Method: the examples are sent to a real agent whose till pays with PayCore.io at the
sandbox; what comes back is compared, and the code is read."""

import json

from drivers import answers
from tests.docs.compare import Likeness
from tests.docs.pages import Page, names_in
from tests.support import codes
from tests.support.stand import Plan, Stand

PAGE = Page("pos-methods.md")
PLAN = Plan(
    tills={"till-06": {"provider": "paycore"}}, systems={"paycore": {"service": "payment_card_rub_hpp", "first_read_ms": 500}}, koshelek={}
)


def test_paying_by_a_link_goes_as_the_page_shows() -> None:
    """Every answer, member by member; the code holds the link, and every field that was told is in its table."""
    likeness, wrong, said = Likeness(), list[str](), dict[str, dict[str, object]]()
    with Stand(PLAN) as stand, stand.connect() as pos:
        stand.control("POST", "/customers/default", {"action": "wait"})
        for example in PAGE.marked("link"):
            request, answer = (block.json for block in example.blocks)
            pos.send(json.dumps(request).encode() + b"\n")
            heard = pos.receive()
            assert heard is not None
            wrong += [f"{example.name}{difference}" for difference in likeness.differences(answer, heard)]
            said[example.name] = heard["result"]
    assert wrong == []
    assert codes.read(codes.of_svg(str(said["code"]["text"]))) == [said["create"]["paymentUrl"]]
    for example, table, shape in (("create", "sale", answers.CheckoutAnswer), ("code", "code", answers.QrAnswer)):
        (documented,) = [marked for marked in PAGE.marked("answer") if marked.name == table]
        assert said[example].keys() <= {name for row in documented.rows for name in names_in(row[0])}
        assert said[example].keys() <= shape.__annotations__.keys()
