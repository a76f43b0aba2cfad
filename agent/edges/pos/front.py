"""What every area of the desk needs: the engine, and the rule of what counts as *handing out* (money rule 5).

A finished answer that goes to a POS of the terminal is recorded as told before the reply leaves, and an answer that is too long to be sent
tells nothing. What an operator looks at is not told; whoever acts as a register (``checkout.*``, ``refund.*``) is a register, whatever
way in he came through.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from agent.core.model import SaleId
from agent.core.ports import JournalFull
from agent.edges import replies
from agent.engine.accept import Acceptance
from agent.engine.counter import Counter
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.record import check_released
from agent.engine.steward import Steward
from agent.texts import Translate, translator
from drivers import messages
from drivers.caller import Caller
from drivers.session import TooLong
from drivers.strictjson import dumps

T = TypeVar("T")
SECOND_LOOK_S = 0.1  # requests of other connections are read within milliseconds; a local answer may take 200 (promise P17)
SPARE_BYTES = 4 * 1024  # of an answer: what stands around a result, and what else may happen to a sale while it is recorded as told

Handler = Callable[[Caller, Any], Awaitable[Mapping[str, Any]]]
Handlers = Mapping[type[messages.Request], Handler]


class Front:
    """Shared by the areas of one desk."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.acceptance = Acceptance(engine)
        self.counter = Counter(engine)

    @property
    def translate(self) -> Translate:
        """Into the language of the configuration in force."""
        return translator(self.engine.setup.language)

    async def find_sale(self, sale_id: SaleId) -> Steward:
        """The sale a POS asks for. "Not found" makes a cashier take the money another way, so it is said only after a second look: the
        request that creates the sale may still lie unread in another connection of the same register. Raises Refusal."""
        try:
            return await self.counter.find(sale_id)
        except Refusal as refusal:
            if refusal.code not in ("NOT_FOUND", "RECORD_LOST"):
                raise
        await asyncio.sleep(SECOND_LOOK_S)
        async with self.acceptance.alone(sale_id):  # a create that is being accepted comes first
            return await self.counter.find(sale_id)

    async def check_whole(self, caller: Caller) -> None:
        """Before a register is told what is the last, or all there is: of a restored journal nobody knows that. Raises Refusal BUSY."""
        if not caller.operator:
            await check_released(self.engine)

    async def told(self, caller: Caller, steward: Steward) -> dict[str, Any]:
        """The reply for a register. A finished answer is recorded as told first; to somebody who has hung up nothing is told. Raises
        TooLong where it could not be sent: then nothing is told."""
        if not caller.presence.gone:
            if steward.sale.finished and steward.sale.told is None:
                self.check_length(caller, steward)
            await self.tell(caller, steward)
        reply = replies.sale_reply(steward.sale, self.translate)
        if "paymentUrl" in reply and not caller.presence.gone:
            steward.shown_to.add(caller.name)
        return reply

    def check_length(self, caller: Caller, steward: Steward) -> None:
        """That the sale's answer can be sent to its caller: one with many refunds may not. Raises TooLong."""
        if len(dumps(replies.sale_reply(steward.sale, self.translate))) > room(caller):
            raise TooLong

    async def tell(self, caller: Caller, steward: Steward) -> None:
        """What the register asked for may have been done: DISK_FULL, which says that nothing was, would be a lie here."""
        try:
            await self.engine.tell(steward, caller.name)
        except JournalFull as full:
            raise Refusal("BUSY", "the disk of this till is full: the result cannot be recorded as handed out; ask again") from full


def room(caller: Caller) -> int:
    """Bytes that a result for this caller may have, so that it can be sent whatever stands around it."""
    return caller.answer_bytes - SPARE_BYTES


async def patiently(caller: Caller, waiting: Awaitable[T]) -> T | None:
    """A long poll: what ``waiting`` comes to, or None when its caller hangs up or the agent stops first."""
    work = asyncio.ensure_future(waiting)
    hurried = asyncio.ensure_future(caller.presence.until_hurried())
    try:
        await asyncio.wait({work, hurried}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        work.cancel()
        hurried.cancel()
        await asyncio.gather(work, hurried, return_exceptions=True)


def sale_id(request: messages.SaleRequest) -> SaleId:
    return SaleId(request.store_id, request.terminal_id, request.key)
