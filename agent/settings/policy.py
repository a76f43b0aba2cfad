"""The numbers of the configuration as the machines want them: one ``Policy`` per terminal and payment system, all in milliseconds."""

from dataclasses import replace

from agent.core.policy import BackOff, Policy
from agent.settings.koshelek import Koshelek
from agent.settings.link_provider import LinkProvider
from agent.settings.model import Settings, Terminal
from agent.settings.system import PaymentSystem

_SECOND_MS = 1_000
_HOUR_MS = 3_600_000


def policy_of(settings: Settings, terminal: Terminal, provider: str) -> Policy:
    """The waits and choices that hold for a terminal's sales with a payment system. Raises KeyError if that is not configured."""
    system = settings.provider.configured[provider]
    policy = _common(system, terminal)
    match system:
        case Koshelek():
            return replace(
                policy,
                rereads_ms=tuple(seconds * _SECOND_MS for seconds in system.rereads_s),
                store_mismatch_is_attention=system.slip_store_mismatch_is_attention,
                availability_limit_ms=system.availability_limit_ms,
            )
        case LinkProvider():
            return replace(policy, link_wait_ms=system.link_wait_s * _SECOND_MS)
        case _:
            return policy


def _common(provider: PaymentSystem, terminal: Terminal) -> Policy:
    return Policy(
        send_deadline_ms=terminal.send_deadline_s * _SECOND_MS,
        offline=terminal.offline,
        unclaimed=terminal.unclaimed,
        first_read_ms=provider.first_read_ms,
        read_interval_ms=provider.poll_interval_ms,
        read_cap_ms=provider.poll_cap_s * _SECOND_MS,
        wait_limit_ms=provider.wait_limit_s * _SECOND_MS,
        unanswered_attempts=provider.unanswered_attempts,
        window_after_deadline_ms=provider.window_after_deadline_s * _SECOND_MS,
        window_after_reachable_ms=provider.window_after_reachable_s * _SECOND_MS,
        window_limit_ms=provider.window_limit_s * _SECOND_MS,
        slip_wait_ms=provider.slip_wait_s * _SECOND_MS,
        blind_repeat_ms=provider.refund_blind_repeat_s * _SECOND_MS,
        refund_slow_ms=provider.refund_slow_h * _HOUR_MS,
        unclaimed_ms=provider.unclaimed_s * _SECOND_MS,
        key_reuse_ms=provider.key_reuse_h * _HOUR_MS,
        unconfirmed_ms=provider.unconfirmed_s * _SECOND_MS,
        checkout_backoff=BackOff(provider.checkout_backoff_base_ms, provider.checkout_backoff_cap_ms),
        settle_backoff=BackOff(provider.settle_backoff_base_ms, provider.settle_backoff_cap_ms),
    )
