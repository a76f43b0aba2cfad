"""What the scenes have in common: the registers of the shop, the director, and the programme: a line for every sale that was played."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from agent.demo.configuration import KIOSK, STORE, TILLS
from agent.demo.director import Director
from agent.demo.goods import Bill
from agent.demo.means import App, Means
from agent.demo.register import Answer, Book, Register, Sale, Show, TakesTooLong
from agent.demo.stage import Stage
from agent.demo.ways import connect
from agent.sandbox.customer import Action
from agent.sandbox.words import Method
from drivers.client import CallFailed, Client, Unreachable


class EndedOtherwise(Exception):
    """A scene did not end as its story says."""


@dataclass(slots=True)
class Line:
    """A line of the programme. ``saw``, ``state``, ``amount`` and ``ms`` are the sale's, unless the scene is about something else of it."""

    scene: int
    title: str
    sale: Sale
    saw: str = ""
    state: str = ""
    amount: int = 0
    ms: int = 0

    @property
    def money(self) -> str:
        return str(self.sale.answer.get("money", ""))

    def fill(self) -> None:
        """Take from the sale what the scene has not said itself."""
        self.saw = self.saw or ", ".join(self.sale.path)
        self.state = self.state or str(self.sale.answer.get("state", "nothing"))
        self.amount = self.amount or int(self.sale.bill["totalAmount"])
        self.ms = self.ms or self.sale.ms


class House:
    """Everybody who takes part. ``cancels``: a scene that lets the bank fail at a cancel holds it, and so does every other that cancels."""

    def __init__(self, stage: Stage, director: Director, show: Show) -> None:
        self.stage, self.director = stage, director
        self.book = Book()
        self.cancels = asyncio.Lock()
        self.registers = {
            name: Register(partial(connect, stage, name), name, self.book, show, lambda: stage.agent.ended) for name in (*TILLS, KIOSK)
        }
        self.show = show
        self.lines: list[Line] = []
        self.flaws: dict[int, str] = {}

    async def play(self, scene: "Scene", story: "Story") -> None:
        """Play a story to its end. That it went otherwise is noted, and does not end the demonstration. Raises StageFailed."""
        try:
            await story(scene)
        except EndedOtherwise as error:
            self.flaws[scene.number] = str(error)
        except CallFailed as error:
            self.flaws[scene.number] = f"the agent refused: {error}"
        except (Unreachable, TakesTooLong) as error:
            self.flaws[scene.number] = str(error)
        for line in scene.lines:
            line.fill()
        self.lines += scene.lines

    async def technician_retries(self, sale: Sale) -> None:
        """What ``koshelek-agent retry`` does: what this sale still owes is done now."""
        async with await Client.connect(self.stage.admin_socket) as technician:
            await technician.call("operation.retry", storeId=STORE, terminalId=sale.register.terminal, key=sale.key)

    async def close(self) -> None:
        for register in self.registers.values():
            await register.close()


@dataclass(slots=True)
class Scene:
    """One scene: what its story needs of the house, and its lines of the programme."""

    house: House
    number: int
    title: str
    lines: list[Line] = field(default_factory=list)

    def sale(self, terminal: str, bill: Bill, means: Means | None = None, title: str = "") -> Sale:
        """A sale that is about to begin at a till; in the app by SBP unless said otherwise."""
        sale = self.house.registers[terminal].sale(f"demo-{bill['orderId']}", bill, means or App())
        self.lines.append(Line(self.number, title or self.title, sale))
        return sale

    async def customer(self, sale: Sale, action: Action, after_ms: int = 0) -> None:
        """What the customer of this sale is going to do, so long after the bank has it."""
        method = sale.means.method if isinstance(sale.means, App) else Method.SBP  # a page does not ask
        await self.house.director.customer(sale.order_id, action, after_ms, method)


Story = Callable[[Scene], Awaitable[None]]


def expect(answer: Answer, **wanted: object) -> None:
    """Raises EndedOtherwise unless the answer is so."""
    for name, value in wanted.items():
        if answer.get(name) != value:
            raise EndedOtherwise(f"{answer['orderId']}: {name} is {answer.get(name)!r} and not {value!r}")
