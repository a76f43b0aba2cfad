"""What the settings of every payment system, and those of Koshelek, mean."""

from collections.abc import Mapping

from agent.settings.koshelek import Koshelek
from agent.settings.part import Part
from agent.settings.providers import Providers
from agent.settings.system import PaymentSystem, RetiredPlace
from agent.texts import N_

SYSTEMS: Mapping[type[Part], Mapping[str, str]] = {
    Providers: {
        "koshelek": N_("Koshelek Pay: SBP and Dolyame in the buyer's app."),
        "paycore": N_("PayCore.io (Corefy): payment links that the buyer scans."),
        "softline": N_("Softline Payments (Noventiq Payments): payment links; people decide about refunds."),
        "payconnect": N_("PayConnect: payment links; a till cannot return money."),
    },
    PaymentSystem: {
        "test_base_url": N_(
            "Base URL of the test side. Needed when environment is test. https only; http is accepted for this machine itself "
            "alone (a simulator)."
        ),
        "production_base_url": N_("Base URL of the side with real money. Needed when environment is production. https only."),
        "password_file": N_(
            "A file that holds the password on one line, of the agent's user, readable by nobody else. Give either this or "
            "password_credential."
        ),
        "password_credential": N_(
            "The name under which systemd hands the password over (LoadCredential= in the unit). The best place. Give either "
            "this or password_file."
        ),
        "ca_file": N_("Certificates to trust instead of the system's, if the way there needs a private authority."),
        "connect_limit_ms": N_("To reach the payment system: name and TCP together; TLS may take as long again."),
        "answer_limit_ms": N_(
            "For the answer, connecting included; then the attempt counts as unanswered. At least twice connect_limit_ms + 500."
        ),
        "attempt_limit_ms": N_(
            "An answer that comes later still counts, until the request is given up after this time. Not below answer_limit_ms."
        ),
        "unanswered_attempts": N_("Unanswered attempts of a payment that may have reached the payment system, until it is cancelled."),
        "first_read_ms": N_("From the answer to a payment to its first status request."),
        "poll_interval_ms": N_("Between status requests while a customer waits."),
        "poll_cap_s": N_("Status requests that no customer waits for slow down to one in this time."),
        "wait_limit_s": N_("How long a customer may take; then the payment is cancelled or its link taken back."),
        "slip_wait_s": N_("How long to wait for the slip of an accepted payment before a person is asked."),
        "window_after_deadline_s": N_("A payment without any answer is repeated until this long after its send deadline."),
        "window_after_reachable_s": N_("Or until this long after the payment system is first reachable again, whichever is later."),
        "window_limit_s": N_("But never longer than this after the first sending."),
        "refund_blind_repeat_s": N_(
            "How long an unanswered refund is repeated before its status must be read first; of payment links, how much later it"
            " is looked for."
        ),
        "refund_slow_h": N_("A refund that was taken or asked for, and is still not made after so many hours, raises an alarm."),
        "checkout_backoff_base_ms": N_("The first wait between attempts while a customer waits; it doubles up to the cap."),
        "checkout_backoff_cap_ms": N_("The longest wait between attempts while a customer waits."),
        "settle_backoff_base_ms": N_("The first wait between attempts of cancels and refunds; it doubles up to the cap."),
        "settle_backoff_cap_ms": N_("The longest wait between attempts of cancels and refunds."),
        "unclaimed_s": N_(
            "A paid result that no register asks for raises an alarm, or is returned (unclaimed of the terminal), after this time."
        ),
        "unconfirmed_s": N_("A paid result that the register has not confirmed blocks another payment of its order for this long."),
        "key_reuse_h": N_("A payment's key cannot be used again this long after its result was handed over; it can still be asked for."),
        "retired": N_("An account that is no longer used, but whose payments are still watched for late money."),
        "path_prefix": N_("What follows the base URL in every request."),
        "login": N_("The login from the payment system."),
        "denied_statuses": N_("HTTP statuses that mean: turned away, nothing was done."),
    },
    RetiredPlace: {
        "environment": N_("The side that the account was on."),
        "base_url": N_("The account's base URL."),
        "password_file": N_(
            "A file that holds the password on one line, of the agent's user, readable by nobody else. Give either this or "
            "password_credential."
        ),
        "password_credential": N_(
            "The name under which systemd hands the password over (LoadCredential= in the unit). The best place. Give either "
            "this or password_file."
        ),
        "login": N_("The login from the payment system."),
    },
    Koshelek: {
        "test_base_url": N_(
            "Base URL of the test side, with the partner's name at the end, from Koshelek. Needed when environment is test."
        ),
        "production_base_url": N_(
            "Base URL of the side with real money, with the partner's name at the end, from Koshelek. Needed when environment is"
            " production."
        ),
        "availability_limit_ms": N_("For the list of means of payment that a register asks for; then it goes on without the list."),
        "rereads_s": N_(
            "When to read the status again after a payment ended unpaid, so that late money is not missed: so many seconds after its end."
        ),
        "status_carries_ids": N_("Send storeId and terminalId in status requests as well. Agree it with Koshelek."),
        "refund_receipt_names_refund": N_(
            "The fiscal receipt of a refund goes with the id of the refund instead of that of the payment. Agree it with Koshelek."
        ),
        "availability_card_session_name": N_(
            "How the card session is spelt when the list of means of payment is asked for. Agree it with Koshelek."
        ),
        "slip_store_mismatch_is_attention": N_(
            "Stop a payment for a person when the slip names another store or terminal; otherwise there is only an alarm."
        ),
        "send_receipts": N_("Take fiscal receipts from registers and hand them to Koshelek, which shows them to the buyer."),
        "extra_taxes": N_("Values of tax to accept beyond the documented ones."),
        "extra_measures": N_("Values of measure to accept beyond the documented ones."),
        "payment_methods": N_("What the till offers when the register names no means of payment."),
    },
}
