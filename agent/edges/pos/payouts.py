"""``payout.*``: money that a till pays out, where the shop allows it to. What an operator looks at here is not handed out."""

from collections.abc import Mapping
from typing import Any

from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.payout import asked
from agent.core.payout.asked import Decision
from agent.core.payout.events import PayoutResolution
from agent.core.payout.name import payout_id
from agent.edges import replies
from agent.edges.payout_replies import MEANINGS, payout_record_reply, payout_reply, services_reply
from agent.edges.pos.front import Front, Handlers, patiently
from agent.edges.pos.listing import parked_reply
from agent.edges.pos.operator import RELEASE, RELEASED
from agent.engine.confirmations import LIFE_MS
from agent.engine.errors import Refusal
from agent.engine.operator import Operator, ShownParked
from agent.engine.payout_advice import PayoutAdvisor
from agent.engine.payout_counter import PayoutCounter, Wish
from agent.engine.payout_operator import PayoutOperator, ShownPayout
from agent.engine.payout_steward import PayoutSteward
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller


class Payouts:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._counter = PayoutCounter(front.engine)
        self._advisor = PayoutAdvisor(front.engine, self._counter)
        self._operator = PayoutOperator(front.engine, self._counter)
        self._records = Operator(front.engine, front.counter)  # of what is set aside, sales and payouts alike
        self.handlers: Handlers = {
            messages.PayoutServices: self._services,
            messages.PayoutCreate: self._create,
            messages.PayoutGet: self._get,
            messages.PayoutCancel: self._cancel,
            messages.PayoutShow: self._show,
            messages.PayoutResolve: self._resolve,
        }

    # --- the register ---

    async def _services(self, caller: Caller, request: messages.PayoutServices) -> Mapping[str, Any]:
        self._front.engine.check_running()
        till = SaleId(request.store_id, request.terminal_id, "")
        question = self._advisor.ask(till, Kopecks(request.amount), request.provider)
        if request.wait_s > 0 and not caller.presence.hurried:
            await patiently(caller, self._advisor.wait(question, request.wait_s))
        return services_reply(question, self._front.translate)

    async def _create(self, caller: Caller, request: messages.PayoutCreate) -> Mapping[str, Any]:
        wish = Wish(
            _id(request),
            Kopecks(request.amount),
            request.service,
            request.description,
            {name: value.get_secret_value() for name, value in request.fields.items()},
            request.provider,
            caller.name,
        )
        steward, new = await self._counter.create(wish)
        reply = await self._reply(caller, steward, request.wait_s)
        return Created(reply) if new else reply

    async def _get(self, caller: Caller, request: messages.PayoutGet) -> Mapping[str, Any]:
        return await self._reply(caller, await self._counter.find(_id(request)), request.wait_s)

    async def _cancel(self, caller: Caller, request: messages.PayoutCancel) -> Mapping[str, Any]:
        return await self._reply(caller, await self._counter.cancel(_id(request)), 0)

    async def _reply(self, caller: Caller, steward: PayoutSteward, wait_s: float) -> dict[str, Any]:
        """A finished answer is recorded as told first; to somebody who has hung up nothing is told."""
        if wait_s > 0 and not caller.presence.hurried:
            await patiently(caller, self._counter.wait(steward, wait_s))
        if not caller.presence.gone:
            await self._counter.tell(steward, caller.name)
        return payout_reply(steward.payout, self._front.translate)

    # --- the operator ---

    async def _show(self, caller: Caller, request: messages.PayoutShow) -> Mapping[str, Any]:
        found = payout_record_reply((await self._counter.find(_id(request))).payout, self._front.translate)
        return found | ({"events": await self._story(_id(request))} if request.events else {})

    async def _story(self, name: SaleId) -> list[dict[str, Any]]:
        engine = self._front.engine
        return replies.story(await engine.reading(engine.ports.journal.stream(name)))

    async def _resolve(self, caller: Caller, request: messages.PayoutResolve) -> Mapping[str, Any]:
        name = _id(request)
        parked = await self._records.parked(name)
        if parked is not None:
            if request.resolution not in (None, RELEASE):
                raise Refusal("RECORD_DAMAGED", f"the record of {name} is not used: it can only be released", key=request.key)
            if request.resolution is None:
                return self._record(ShownParked(parked))
            return self._record(await self._records.release(parked, _reason(request), _who(caller, request), request.confirmation))
        if request.resolution is None:
            return await self._shown(await self._operator.look(name))
        decision = _decision(caller, request)
        if request.confirmation is None:
            return await self._shown(await self._operator.propose(name, decision))
        return await self._shown(await self._operator.resolve(name, decision, request.confirmation))

    async def _shown(self, shown: ShownPayout) -> dict[str, Any]:
        translate = self._front.translate
        found: dict[str, Any] = {
            "done": shown.done,
            "payout": payout_record_reply(shown.payout, translate),
            "alarms": list(asked.standing(shown.payout)),
            "choices": [{"what": "payout", "resolution": one.value, "message": translate(MEANINGS[one])} for one in shown.choices],
            "events": await self._story(shown.payout.id),
        }
        if shown.after is not None:
            found |= {"after": payout_record_reply(shown.after, translate), "confirmation": shown.word, "validS": LIFE_MS // 1000}
        return found

    def _record(self, shown: ShownParked) -> dict[str, Any]:
        choice = {"what": "record", "resolution": RELEASE, "message": self._front.translate(RELEASED)}
        found: dict[str, Any] = {"done": shown.done, "parked": parked_reply(shown.parked), "choices": [choice]}
        return found | ({"confirmation": shown.word, "validS": LIFE_MS // 1000} if shown.word is not None else {})


def _id(request: messages.SaleRequest) -> SaleId:
    return payout_id(request.store_id, request.terminal_id, request.key)


def _decision(caller: Caller, request: messages.PayoutResolve) -> Decision:
    if request.resolution == RELEASE:
        raise Refusal("INVALID", "the record of this payout is in use: there is nothing to release", path="resolution")
    assert request.resolution is not None
    return Decision(PayoutResolution(request.resolution), _reason(request), _who(caller, request), request.transaction_id)


def _reason(request: messages.PayoutResolve) -> str:
    if request.reason is None:
        raise Refusal("INVALID", "reason: is missing; say in a few words why, for whoever reads the record later", path="reason")
    return request.reason


def _who(caller: Caller, request: messages.PayoutResolve) -> str:
    return f"{caller.name} ({request.who})" if request.who else caller.name
