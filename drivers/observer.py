"""What happens at the POS side that an operator may want to know. The agent overrides these to log; here they do nothing.

No argument carries what a peer sent, except the method name in ``ignored``, and perhaps ``error``: its text belongs in no answer, and in a
log only after redaction.
"""

from drivers.caller import Caller, Peer
from drivers.framing import RemoteError
from drivers.line import LineStatus


class Observer:
    """Called from the event loop: must return at once and never raise."""

    def turned_away(self, peer: Peer | None, code: str) -> None:
        """A connection was refused: FORBIDDEN (not admitted), LIMIT (too many), INVALID (it speaks something else), GONE (it said nothing).
        ``peer`` is None where nobody vouches for it: over TCP and HTTP."""

    def connected(self, caller: Caller) -> None:
        """A connection was admitted."""

    def disconnected(self, caller: Caller, reason: str) -> None:
        """A connection ended: closed, lost, slow, stopped."""

    def misbehaved(self, caller: Caller, error: RemoteError) -> None:
        """A peer broke the framing."""

    def ignored(self, caller: Caller, method: str) -> None:
        """A notification was not executed."""

    def refused(self, caller: Caller, method: str, code: str, places: str) -> None:
        """A request was refused; ``places`` names the parameters at fault or is empty. Values are never told."""

    def failed(self, caller: Caller | None, reference: str, method: str, error: BaseException) -> None:
        """A fault of ours. The caller was told ``reference`` and nothing else; ``caller`` is None before admission."""

    def line_changed(self, status: LineStatus) -> None:
        """A serial line was opened, lost, found busy, or cannot be opened; told once, when it changes."""

    def line_damaged(self, name: str, frames: int, error: RemoteError) -> None:
        """Frames came damaged over a line: so many since this was last told, the last of them so. At most once a minute."""

    def line_silent(self, name: str, seconds: float) -> None:
        """Nothing has come over a line since it was opened, so long ago. At most once for each opening."""
