"""A register that speaks HTTP, with the same face as the client of the other ways in. It knows the table of routes, not payments."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from agent.edges.http.routes import ROUTES, Route
from drivers.client import ANSWER_SECONDS, CONNECT_SECONDS, CallFailed, Unreachable
from drivers.strictjson import dumps


class WebClient:
    """One kept-alive connection."""

    def __init__(self, port: int, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=timeout, trust_env=False)

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result of ``method``; parameters by their names on the wire. Raises CallFailed, Unreachable."""
        route = next(one for one in ROUTES if one.method == method and _is_at(one, params))
        path = route.path.format_map({name: quote(str(params[name]), safe="") for name in route.in_path})
        query = {name: params[name] for name in route.in_query if name in params}
        try:
            answer = await self._http.request(route.verb, path, params=query, content=_body(route, params))
        except httpx.TransportError as error:
            raise Unreachable(f"the connection to the agent was lost: {error}") from error
        if route.media is not None and answer.status_code == HTTPStatus.OK:
            return {**route.fixed, "mediaType": route.media, "text": answer.text}  # as the other ways say it; it has asked for no bytes
        found: dict[str, Any] = answer.json()
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise CallFailed(str(found.get("code", "INTERNAL")), str(found.get("detail", "")), found, answer.status_code)
        return found

    async def close(self) -> None:
        await self._http.aclose()


def _is_at(route: Route, params: Mapping[str, Any]) -> bool:
    """Whether the path of a route says all that it needs to of these parameters."""
    return params.keys() >= set(route.in_path) and all(params.get(name) == value for name, value in route.fixed.items())


def _body(route: Route, params: Mapping[str, Any]) -> bytes | None:
    """Prices may have a fraction, so this is the strict writer and not the library's."""
    return dumps({name: params[name] for name in route.in_body if name in params}) if route.in_body else None
