"""Why the agent could not be asked, for people: what the system and the client said, in their language."""

import errno
from collections.abc import Mapping

from agent.texts import N_, Message, message
from drivers.client import Unreachable

NO_ANSWER = N_("no answer")
LOST = N_("the connection to the agent was lost")
_BY_NUMBER: Mapping[int | None, str] = {
    errno.ENOENT: N_("there is no such socket"),
    errno.ECONNREFUSED: N_("nobody listens there"),
    errno.EACCES: N_("this user may not use it"),
    errno.EPERM: N_("this user may not use it"),
}
_KNOWN = frozenset({LOST, N_("the agent closed the connection"), N_("the answer is no object: not an agent")})


def unreached(error: Unreachable) -> Message:
    """In any language; what nobody has translated stays as it was said."""
    cause = error.__cause__
    if isinstance(cause, TimeoutError):
        return message(NO_ANSWER)
    if isinstance(cause, OSError) and str(error) not in _KNOWN:
        known = _BY_NUMBER.get(cause.errno)
        return message(known) if known else message("{text}", text=cause.strerror or error)
    return Message(str(error)) if str(error) in _KNOWN else message("{text}", text=error)
