"""The payment APIs on the wire: acts out the deliveries that the model plans, faults and all."""

import asyncio
from collections.abc import Callable

from agent.sandbox.asgi import BodyTooLarge, Gone, Receive, Scope, Send, headers_of, read_body, respond, start
from agent.sandbox.bank import Bank
from agent.sandbox.delivery import Delivery, Wire
from agent.sandbox.listening import hang_up
from agent.sandbox.words import Answer, json_answer


async def pay(scope: Scope, receive: Receive, send: Send, bank: Bank, now_ms: Callable[[], int], note: Callable[[Bank], None]) -> None:
    """One request to a payment API. ``note`` is called when the bank has taken it in."""
    try:
        body = await read_body(receive)
    except Gone:
        return
    except BodyTooLarge:
        await respond(send, json_answer(413, {"code": "SANDBOX_TOO_LARGE"}, {"connection": "close"}))
        return
    delivery = bank.meet(now_ms(), scope["method"], scope["path"])
    await _pause(delivery.before_ms)
    answer = bank.act(now_ms(), delivery, scope["method"], scope["path"], headers_of(scope), body, scope["query_string"].decode("latin-1"))
    note(bank)
    await _pause(delivery.after_ms)
    await _deliver(scope, receive, send, delivery, answer)


async def _deliver(scope: Scope, receive: Receive, send: Send, delivery: Delivery, answer: Answer | None) -> None:
    if answer is None:
        await hang_up(scope, receive, flush=False)
        return
    match delivery.wire:
        case Wire.TRUNCATED:
            await start(send, answer)
            await send({"type": "http.response.body", "body": delivery.visible(answer), "more_body": True})
            await hang_up(scope, receive, flush=True)
        case Wire.DRIP:
            await start(send, answer)
            for place in range(len(answer.body)):
                await _pause(delivery.drip_ms)
                await send({"type": "http.response.body", "body": answer.body[place : place + 1], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        case Wire.FULL | Wire.NONE:
            await respond(send, answer)


async def _pause(milliseconds: int) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
