"""What the page's buttons send: a token to sign in with, an action, the wish for an examination. What is answered is HTML in JSON."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent.edges.http.faults import Fault
from agent.edges.http.reading import body_of
from agent.edges.keyring import Holder
from agent.edges.page import checkup
from agent.edges.page.acting import NotDone, act
from agent.edges.page.house import CannotExamine, House, TookTooLong, UnderWay
from agent.edges.page.pass_ import IDLE_S, Passes
from agent.edges.page.words import Tongue
from agent.texts import N_
from agent.web.html import Html
from agent.web.stream import Bell
from drivers.strictjson import BadJson, loads

COOKIE, KEY_HEADER = "koshelek-page", "x-page-key"


class Buttons:
    """Those of one listener. ``secure``: it is served behind TLS."""

    def __init__(self, house: House, passes: Passes, bell: Bell, tongue: Callable[[], Tongue], secure: bool) -> None:
        self._house, self._passes, self._bell, self._tongue, self._secure = house, passes, bell, tongue, secure

    async def sign(self, request: Request, holder: Callable[[], Awaitable[Holder]]) -> Response:
        """In: a token becomes two words for a while. Out: the word in hand is worth nothing any more. Raises Fault."""
        word = request.headers.get(KEY_HEADER)
        if word is not None:
            self._passes.end(word)
            self._bell.ring()  # so that what it let see is over at once
            ended = JSONResponse({})
            ended.delete_cookie(COOKIE)
            return ended
        found = await holder()
        if not found.operator:
            raise Fault("FORBIDDEN", "only the token of a client with the role admin opens this")
        words = self._passes.give(found)
        self._house.engine.ports.notice("operator.signed_in", None, by=found.name)
        response = JSONResponse({"key": words.act, "seconds": IDLE_S})
        response.set_cookie(COOKIE, words.look, httponly=True, samesite="strict", secure=self._secure)
        return response

    async def act(self, request: Request) -> Response:
        """What an operator does. Raises Fault; Stopped."""
        actor = self._passes.actor(request.headers.get(KEY_HEADER, ""))
        if actor is None:
            raise Fault("FORBIDDEN", "sign in as an operator first", status=HTTPStatus.UNAUTHORIZED)
        given = await _object(request)
        method, params = given.get("method"), given.get("params")
        if not isinstance(method, str) or not isinstance(params, dict):
            raise Fault("INVALID", "an action is a method and its params", status=HTTPStatus.BAD_REQUEST)
        try:
            drawn = await act(self._house, actor, method, params, self._tongue())
        except NotDone as error:
            return _problem(str(error))
        self._bell.ring()
        return _html(drawn)

    async def examine(self) -> Response:
        """Whoever may look may have the doctor look: it moves nothing. One at a time."""
        tongue = self._tongue()
        if self._house.doctor is None:
            return _problem(tongue(N_("This agent has no doctor.")))
        try:
            found = await self._house.doctor.examine()
        except UnderWay:
            return _problem(tongue(N_("An examination is under way.")))
        except TookTooLong:
            return _problem(tongue(N_("The examination took too long.")))
        except CannotExamine as error:
            return _problem(str(error))
        return _html(checkup.findings([one.told(tongue.translate) for one in found], tongue))


def _html(drawn: Html) -> Response:
    return JSONResponse({"html": drawn})


def _problem(text: str) -> Response:
    """Why nothing was done, for a person."""
    return JSONResponse({"error": text}, HTTPStatus.CONFLICT)


async def _object(request: Request) -> dict[str, Any]:
    """Raises Fault."""
    try:
        found = loads(await body_of(request.headers, request.stream()))
    except BadJson as error:
        raise Fault("INVALID", str(error), status=HTTPStatus.BAD_REQUEST) from None  # the cause may hold the text
    if not isinstance(found, dict):
        raise Fault("INVALID", "a body is a JSON object", status=HTTPStatus.BAD_REQUEST)
    return found
