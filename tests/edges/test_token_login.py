"""Accounts with a token: one login for all, renewed in time, once more on a stale token, and NOT SENT without one."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from agent.core.model import Deadline
from agent.core.verdict import NotSent, Operation, Outcome, Reply, Unclear
from agent.edges.accounts import Account
from agent.edges.authorization import BasicLogin, TokenLogin
from agent.edges.clock import SystemClock
from agent.edges.compose import Letter, compose
from agent.edges.line import Addresses, Line
from agent.edges.transport import HttpTransport, LinkStatus
from agent.edges.wire import CLOSED, Wire
from tests.edges.raw_server import ACCOUNT, BINDING, FAST, RawServer, answer, never_late
from tests.edges.token_server import PATIENT, SECRET, Names, Shop, Ticking, sender, token_account, used, wanted

HOUR_MS = 3_600_000
LATE = replace(PATIENT, read_limit_ms=3_000, flight_limit_ms=3_000)  # an answer may come when nobody waits any more


async def sent(transport: HttpTransport, count: int = 1, operation: Operation = Operation.CHECKOUT) -> list[Outcome]:
    """So many attempts at once."""
    return list(await asyncio.gather(*(transport.exchange(BINDING, wanted(operation), {}, never_late) for _ in range(count))))


async def test_the_first_request_logs_in_and_all_others_share_the_token() -> None:
    """Twelve attempts at once, then one more: one login, thirteen requests with its token and without the secret."""
    shop = Shop(login_delay_s=0.1)
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        outcomes = await sent(transport, 12) + await sent(transport)
        await transport.aclose()
    assert [type(outcome) for outcome in outcomes] == [Reply] * 13
    assert len(shop.logins) == 1
    assert {used(whole) for whole in shop.works} == {"t1"}
    assert shop.logins[0].endswith(b'\r\n\r\n{"password":"K3y-canary-c0ffee"}')
    assert b"X-Token" not in shop.logins[0]
    assert all(SECRET.encode() not in whole for whole in shop.works)


async def test_a_key_may_go_in_the_header_of_the_login() -> None:
    """The same header name may carry the key in one request and nothing of it in another."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server, names=Names(in_header=True)))
        await sent(transport)
        await transport.aclose()
    assert b"\r\nAuthorization: Bearer K3y-canary-c0ffee\r\n" in shop.logins[0]
    assert shop.logins[0].endswith(b'{"scope":"all"}')
    assert b"Authorization" not in shop.works[0]


async def test_a_login_over_tls(tmp_path: Path) -> None:
    """The login goes over the same verified connection as everything else."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file := tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with RawServer(shop := Shop(), context) as server:
        transport = sender(token_account(server, base_url=f"https://localhost:{server.port}", ca_file=ca_file))
        assert isinstance((await sent(transport))[0], Reply)
        await transport.aclose()
        stranger = sender(token_account(server, base_url=f"https://localhost:{server.port}"))
        (outcome,) = await sent(stranger)
        await stranger.aclose()
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "tls"
    assert (len(shop.logins), len(shop.works)) == (1, 1)


async def test_it_is_renewed_after_23_of_24_hours_and_nobody_waits() -> None:
    """At 22:59 the token is used as it is; at 23:01 another is fetched beside the request, which still goes with the old one."""
    shop, clock = Shop(), Ticking()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), clock=clock)
        await sent(transport)
        clock.ahead_ms = 23 * HOUR_MS - 60_000
        await sent(transport)
        assert len(shop.logins) == 1
        clock.ahead_ms = 23 * HOUR_MS + 60_000
        shop.login_delay_s = 0.1
        await sent(transport, 3)
        await asyncio.sleep(0.2)
        assert len(shop.logins) == 2
        await sent(transport)
        clock.ahead_ms += 25 * HOUR_MS  # nobody came by in time: it has ended, and all wait for the next
        await sent(transport, 3)
        await transport.aclose()
    assert [used(whole) for whole in shop.works] == ["t1", "t1", "t1", "t1", "t1", "t2", "t3", "t3", "t3"]


async def test_a_renewal_that_fails_disturbs_nobody() -> None:
    """The old token serves to its end; the login is tried again, but not with every request."""
    shop, clock = Shop(), Ticking()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), clock=clock)
        await sent(transport)
        clock.ahead_ms = 23 * HOUR_MS + 60_000
        shop.login_answers = [answer("503 Service Unavailable")]
        for _ in range(4):
            assert isinstance((await sent(transport))[0], Reply)
            await asyncio.sleep(0.02)
        assert len(shop.logins) == 2
        clock.ahead_ms += 5_000
        await sent(transport)
        await asyncio.sleep(0.1)
        await sent(transport)
        await transport.aclose()
    assert len(shop.logins) == 3
    assert used(shop.works[-1]) == "t3"


async def test_a_stale_token_is_replaced_once_and_the_same_attempt_sent_again() -> None:
    """Five attempts meet a token that the server has dropped: one login, each sent twice with the same body, all answered."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), replace(PATIENT, read_limit_ms=2_500, answer_limit_ms=2_900, flight_limit_ms=3_000))
        await sent(transport)
        shop.refused.add("t1")
        shop.login_delay_s = 0.05
        assert [outcome for outcome in await sent(transport, 5) if not (isinstance(outcome, Reply) and outcome.status == 200)] == []
        await transport.aclose()
    assert len(shop.logins) == 2
    assert [used(whole) for whole in shop.works].count("t2") == 5
    assert len({whole.partition(b"\r\n\r\n")[2] for whole in shop.works}) == 1


async def test_a_refusal_that_comes_late_does_not_end_the_newer_token() -> None:
    """One attempt hears at once that the token is stale, another one only when it has been replaced: one login for both."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), replace(PATIENT, read_limit_ms=2_000))
        await sent(transport)
        shop.refused.add("t1")
        shop.work_delay_s = 0.6
        slow = asyncio.create_task(sent(transport))
        await asyncio.sleep(0.2)
        shop.work_delay_s = 0.0
        await sent(transport)
        (outcome,) = await slow
        await transport.aclose()
    assert isinstance(outcome, Reply)
    assert outcome.status == 200
    assert len(shop.logins) == 2


async def test_no_first_byte_goes_when_nobody_waits_any_more() -> None:
    """Whatever held it up: the connection is there, and the request is NOT SENT."""
    shop = Shop()
    async with RawServer(shop) as server:
        clock = SystemClock()
        line = Line(token_account(server), PATIENT, clock, Addresses(clock), lambda *_: None)
        letter = compose(line.account, wanted(), {})
        assert isinstance(letter, Letter)
        attempt = line.attempt(Operation.CHECKOUT, letter, time.monotonic() - 1, None)
        outcome = await line.fly(attempt, (b"X-Token", b"Bearer t"))
        await line.wire.aclose()
        assert server.connections == 1
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "deadline"
    assert shop.works == []


async def test_a_server_that_refuses_every_token_is_asked_twice() -> None:
    """No loop: one login more, one sending more, and then the refusal is the answer."""
    shop = Shop(refuse_all=True)
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        (outcome,) = await sent(transport)
        await transport.aclose()
    assert isinstance(outcome, Reply)
    assert outcome.status == 401
    assert (len(shop.logins), len(shop.works)) == (2, 2)


async def test_another_refusal_is_an_answer() -> None:
    """401 for another reason than the token, and 403: sent once, no login anew."""
    for refusal in (answer("401 Unauthorized", b"{}"), answer("403 Forbidden", b'{"stale":1}')):
        shop = Shop(refuse_all=True, refused_answer=refusal)
        async with RawServer(shop) as server:
            transport = sender(token_account(server))
            assert isinstance((await sent(transport))[0], Reply)
            await transport.aclose()
        assert (len(shop.logins), len(shop.works)) == (1, 1)


@pytest.mark.parametrize(
    ("login_answer", "reason"),
    [
        (answer("401 Unauthorized"), "credentials"),
        (answer("403 Forbidden"), "credentials"),
        (answer("429 Too Many Requests", headers="Retry-After: 30\r\n"), "rate_limited"),
        (answer("500 Oops"), "login"),
        (answer(body=b'{"token":"a\\r\\nX: y","life":10}'), "login"),
        (b"garbage\r\n\r\n", "login"),
    ],
)
async def test_without_a_token_nothing_is_sent(login_answer: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """A login that fails in any way is NOT SENT for the attempt, says why, quotes no secret, and is not repeated at once."""
    caplog.set_level(logging.DEBUG)
    shop = Shop(login_answers=[login_answer] * 5)
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        outcomes = [*await sent(transport, 3), *await sent(transport)]
        assert transport.admits(BINDING.account) is (reason != "credentials")
        await transport.aclose()
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, NotSent)} == {reason}
    assert len([outcome for outcome in outcomes if isinstance(outcome, NotSent)]) == 4
    assert (len(shop.logins), len(shop.works)) == (1, 0)
    assert SECRET not in repr(outcomes) + caplog.text


async def test_a_refused_login_is_tried_again_after_a_while_or_with_other_secrets() -> None:
    """A wrong key is not hammered with; a right one is used at once, without waiting for anything."""
    keys = ["wrong"]
    shop, clock = Shop(login_answers=[answer("401 Unauthorized")] * 2), Ticking()
    async with RawServer(shop) as server:
        transport = sender(token_account(server, key=lambda: keys[0]), clock=clock)
        assert transport.admits(BINDING.account)
        await sent(transport)
        await sent(transport)
        assert len(shop.logins) == 1
        assert not transport.admits(BINDING.account)
        clock.ahead_ms += 11_000
        await sent(transport)
        assert len(shop.logins) == 2
        keys[0] = "right"
        assert isinstance((await sent(transport))[0], Reply)
        assert transport.admits(BINDING.account)
        await transport.aclose()
    assert b"right" in shop.logins[2]


async def test_rotated_secrets_end_the_token() -> None:
    """A token obtained with the old key is not used once there is a new one, nor one whose login was under way at that moment."""
    keys = ["old"]
    shop = Shop(login_delay_s=0.1)
    async with RawServer(shop) as server:
        transport = sender(token_account(server, key=lambda: keys[0]))
        first = asyncio.create_task(sent(transport))
        await asyncio.sleep(0.05)
        keys[0] = "new"
        await sent(transport)
        await first
        await transport.aclose()
    assert [b'"old"' in whole for whole in shop.logins] == [True, False]
    assert used(shop.works[-1]) == "t2"


def _gone() -> str:
    raise FileNotFoundError("/run/credentials/canary-path")


@pytest.mark.parametrize("key", [str, _gone])
async def test_secrets_that_cannot_be_read_are_not_sent(key: Callable[[], str]) -> None:
    """Empty or unreadable: NOT SENT before a connection is touched."""
    async with RawServer(Shop()) as server:
        transport = sender(token_account(server, key=key))
        (outcome,) = await sent(transport)
        await transport.aclose()
        assert server.connections == 0
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "credentials"
    assert "canary" not in outcome.detail


async def test_a_host_out_of_reach_is_said_to_be_so() -> None:
    """The login cannot connect: the attempt is NOT SENT for the network's reason, and the link is down."""
    async with RawServer(Shop()) as server:
        entry = token_account(server)
    transport = sender(entry)
    (outcome,) = await sent(transport)
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "refused"
    assert transport.link(ACCOUNT).status is LinkStatus.DOWN
    await transport.aclose()


async def test_a_slow_login_is_not_sent_in_time_and_serves_the_next() -> None:
    """The caller hears NOT SENT while it still waits; the login goes on, and its token is there for the next attempt."""
    shop = Shop(login_delay_s=0.7)
    async with RawServer(shop) as server:
        transport = sender(token_account(server), replace(PATIENT, read_limit_ms=2_000))
        began = asyncio.get_running_loop().time()
        (outcome,) = await sent(transport)
        waited = asyncio.get_running_loop().time() - began
        assert isinstance(outcome, NotSent)
        assert outcome.reason == "login"
        assert waited < PATIENT.answer_limit_ms / 1_000 - 0.2
        assert isinstance((await sent(transport))[0], Reply)
        await transport.aclose()
    assert (len(shop.logins), len(shop.works)) == (1, 1)


async def test_the_deadline_holds_through_the_login() -> None:
    """A checkout whose deadline passes during the login, or during the login after a stale token, is never sent after it."""
    shop, clock = Shop(login_delay_s=0.3), Ticking()

    def soon() -> Deadline:
        now = clock.now()
        return Deadline(now.boot, now.ticks + 150)

    async with RawServer(shop) as server:
        transport = sender(token_account(server), clock=clock)
        early = await transport.exchange(BINDING, wanted(), {}, never_late, soon())
        assert early == NotSent("login", "the login has not been answered yet")  # heard at the deadline, not later
        assert shop.works == []
        await asyncio.sleep(0.3)
        shop.refused.add("t1")
        outcome = await transport.exchange(BINDING, wanted(), {}, never_late, soon())
        await transport.aclose()
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "deadline"
    assert [used(whole) for whole in shop.works] == ["t1"]


async def test_nothing_is_sent_once_nobody_waits_for_it() -> None:
    """The refusal of the token comes after the caller's patience: it is told late as it is, and nothing is sent again behind his back."""
    late: list[Outcome] = []
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), LATE)
        await sent(transport)
        shop.refused.add("t1")
        shop.work_delay_s = 1.1
        assert isinstance(await transport.exchange(BINDING, wanted(), {}, late.append), Unclear)
        await transport.aclose()
    assert [outcome.status for outcome in late if isinstance(outcome, Reply)] == [401]
    assert (len(shop.logins), len(shop.works), len(late)) == (1, 2, 1)


async def test_a_late_answer_is_delivered_with_a_token_as_well() -> None:
    """Money rule 13 holds, for the second sending of an attempt too: the wait limit ends the waiting, the answer comes through ``late``."""
    late: list[Outcome] = []
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), LATE)
        await sent(transport)
        shop.refused.add("t1")
        shop.work_delay_s = 0.6
        assert isinstance(await transport.exchange(BINDING, wanted(), {}, late.append), Unclear)
        await transport.aclose()
    assert [outcome.status for outcome in late if isinstance(outcome, Reply)] == [200]
    assert [used(whole) for whole in shop.works] == ["t1", "t1", "t2"]


async def test_a_caller_who_goes_while_it_gets_ready_hears_of_it() -> None:
    """Cancelled during the login: nothing was sent, ``late`` says so once, and the login serves the next."""
    late: list[Outcome] = []
    shop = Shop(login_delay_s=0.2)
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        caller = asyncio.create_task(transport.exchange(BINDING, wanted(), {}, late.append))
        await asyncio.sleep(0.05)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert isinstance((await sent(transport))[0], Reply)
        await transport.aclose()
    assert [type(outcome) for outcome in late] == [NotSent]
    assert (len(shop.logins), len(shop.works)) == (1, 1)


async def test_a_reload_keeps_the_token_and_logins_are_counted() -> None:
    """The same account configured anew goes on with the token it has; logins are told to the observer under their own name."""
    seen: list[tuple[Operation, str]] = []
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), observe=lambda operation, outcome, *_: seen.append((operation, outcome)))
        await sent(transport)
        transport.adopt(await transport.prepare({ACCOUNT: token_account(server)}))
        await sent(transport)
        await transport.aclose()
        assert server.connections == 1
    assert len(shop.logins) == 1
    assert seen == [(Operation.LOGIN, "reply.2xx"), (Operation.CHECKOUT, "reply.2xx"), (Operation.CHECKOUT, "reply.2xx")]


async def test_an_account_that_is_taken_away_during_a_login_sends_nothing() -> None:
    """A reload removes it while an attempt gets ready: NOT SENT, and never "maybe"; one that is being sent ends on its connection."""
    shop = Shop(login_delay_s=0.1)
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        attempt = asyncio.create_task(sent(transport))
        await asyncio.sleep(0.05)
        transport.adopt(await transport.prepare({}))
        (outcome,) = await attempt
        await transport.aclose()
    assert isinstance(outcome, NotSent)
    assert outcome.reason in ("closed", "login")
    assert shop.works == []


async def test_a_second_sending_does_not_begin_on_a_closed_connection() -> None:
    """The agent stops while the stale token is being replaced: NOT SENT, told late or in time."""
    late: list[Outcome] = []
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server), replace(LATE, answer_limit_ms=2_500))
        await sent(transport)
        shop.refused.add("t1")
        shop.login_delay_s = 0.4
        attempt = asyncio.create_task(transport.exchange(BINDING, wanted(), {}, late.append))
        await asyncio.sleep(0.2)
        await transport.aclose(10)
        outcome = await attempt
    assert isinstance(outcome, NotSent)
    assert [used(whole) for whole in shop.works] == ["t1", "t1"]
    assert late == []


async def test_a_closed_wire_says_so_and_proves_it() -> None:
    """The library's own error would leave open whether something was sent."""
    async with RawServer(Shop()) as server:
        account = token_account(server)
        wire, letter = Wire(account, PATIENT), compose(account, wanted(), {})
        assert isinstance(letter, Letter)
        await wire.aclose()
        assert await wire.send(letter) == CLOSED
        assert server.connections == 0


async def test_warming_logs_nobody_in() -> None:
    """A connection is opened before the first sale; the secret does not leave before it is needed."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server))
        await transport.warm()
        await transport.aclose()
        assert server.connections == 1
    assert shop.logins == []


async def test_closing_ends_a_login() -> None:
    """A stop in the middle of a login ends in time, and the attempt is NOT SENT."""
    shop = Shop(login_delay_s=5)
    async with RawServer(shop) as server:
        transport = sender(token_account(server), replace(FAST, answer_limit_ms=2_000))
        attempt = asyncio.create_task(transport.exchange(BINDING, wanted(), {}, never_late))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await transport.aclose(50)
        assert asyncio.get_running_loop().time() - began < 1.5
        assert isinstance(await attempt, NotSent)


def test_what_shows_of_a_login() -> None:
    """Neither the account nor its authorization prints a secret."""
    entry = TokenLogin(Names(), {"key": lambda: SECRET})
    assert SECRET not in repr(entry)
    assert "lambda" not in repr(entry)


async def test_whether_the_secrets_can_be_read_is_looked_up_each_time(tmp_path: Path) -> None:
    """Of a password and of a key alike: no file, an empty one, a good one, and none again; nobody is asked. An unknown account is no
    matter of secrets."""
    file, shop = tmp_path / "secret", Shop()

    def read() -> str:
        return file.read_text()

    async with RawServer(shop) as server:
        plain = Account(server.http, BasicLogin(lambda: "kassa", read), plain_http=True)
        transport = HttpTransport({"plain": plain, "token": token_account(server, read)}, PATIENT)
        found = []
        for text in (None, "", "K3y", None):
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text(text)
            found.append([transport.identified(name) for name in ("plain", "token", "unknown")])
        await transport.aclose()
        assert server.connections == 0
    assert found == [[False, False, True], [False, False, True], [True, True, True], [False, False, True]]
