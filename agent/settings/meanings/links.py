"""What the settings of the payment systems with payment links mean."""

from collections.abc import Mapping

from agent.settings.link_provider import Customer, LinkProvider
from agent.settings.part import Part
from agent.settings.payconnect import PayConnect
from agent.settings.paycore import PayCore, PayCorePayouts
from agent.settings.softline import Softline
from agent.texts import N_

LINKS: Mapping[type[Part], Mapping[str, str]] = {
    LinkProvider: {
        "link_wait_s": N_("For the payment link of a payment that was found after an unclear answer."),
        "customer": N_(
            "What to say of a buyer where the system asks and the register does not know: only what the shop and the payment "
            "system have agreed on."
        ),
        "secret_link": N_(
            "Nobody can pay without the payment link, so that a payment whose link was never shown is not paid. Ask the payment system."
        ),
        "link_field": N_("Where an answer shows the payment link; a field inside an object is named with a dot."),
        "amount_field": N_("Where an answer shows the sum that was paid; without it a payment is never taken as paid."),
    },
    Customer: {
        "email": N_("The buyer's e-mail."),
        "first_name": N_("The buyer's first name."),
        "last_name": N_("The buyer's last name."),
        "phone": N_("The buyer's telephone number."),
    },
    PayCore: {
        "login": N_("The id of the commerce account."),
        "requests_per_minute": N_("The most requests a minute that PayCore takes from the account, if it has told you."),
        "create": N_(
            "Who makes a payment: the till with the account's key (private), the till with the public key (public), or the "
            "customer who opens a link that holds the bill (hpp)."
        ),
        "service": N_(
            'The means of payment by its code in the account\'s list of services ("koshelek-agent config services" shows it). '
            "Without it the customer chooses on the page."
        ),
        "fields": N_("What the service asks for beside the sum, always the same."),
        "buyer_fields": N_("Fields of the service that are filled with what the register knows of the buyer."),
        "least_amount": N_("The smallest payment, in kopecks; what is below is refused to the register at once."),
        "most_amount": N_("The largest payment, in kopecks; what is above is refused to the register at once."),
        "send_customer": N_("Tell PayCore the buyer's e-mail and phone also where no service asks for them."),
        "send_metadata": N_("Tell PayCore the store, the till and the bill, for people who search in its cabinet."),
        "return_url": N_("Where the page leads the customer afterwards."),
        "callback_url": N_("Where PayCore calls back, if that is not set in the account."),
        "hpp_base_url": N_(
            "The payment page, to which the id of a payment is added; empty if there is none. Must be named if the base URL is "
            "not PayCore's own."
        ),
        "link_source": N_(
            "What the payment link is: the next step that PayCore names (flow_data), else the page; or always the page (hpp)."
        ),
        "link_life_s": N_("How long a link that holds the bill works, by the till's clock. No less than wait_limit_s."),
        "locale": N_("The language of the payment page."),
        "public_base_url": N_("Base URL of the public API, which is asked for the list of services."),
        "public_key": N_("The public key of the account: it begins with pk_test_ or pk_live_, by the side."),
        "create_shape": N_("How the request for a payment is wrapped. Agree it with PayCore."),
        "refund_shape": N_("How the request for a refund is wrapped. Agree it with PayCore."),
        "amount_as_text": N_("Write amounts as text instead of numbers. Agree it with PayCore."),
        "invoices_path": N_("The path of payments."),
        "find_path": N_("The path of the search for a payment."),
        "public_create_path": N_("The path of payments made with the public key."),
        "balances_path": N_("The path of the account's balances."),
        "test_mode_required": N_("Believe only answers that say whether they are about test money."),
        "created_statuses": N_("HTTP statuses that mean: made."),
        "unclear_statuses": N_("HTTP statuses after which it is not known whether something was made."),
        "payouts": N_("Paying out of the commerce account. A register must be allowed to as well: payouts of its listener."),
    },
    PayCorePayouts: {
        "enabled": N_("Whether anything new is paid out. What was begun is brought to its end all the same."),
        "service": N_("What a payout goes by that names no service: a code of the account's list of services that pay out."),
        "most_amount": N_("The largest payout, in kopecks."),
        "most_per_day": N_("The most that is paid out on one business day, in kopecks, by all tills of this agent together."),
        "send_deadline_s": N_("A payout that could not be sent for so long is given up, and never sent later."),
        "slow_h": N_("A payout that PayCore has not finished for so long raises an alarm."),
        "searches": N_("How often a payout that may have been made is searched for, before a person is called."),
        "search_pause_s": N_("The wait before each such search."),
        "shape": N_("How the request for a payout is wrapped. Agree it with PayCore."),
        "path": N_("The path of payouts."),
        "find_path": N_("The path of the search for a payout."),
        "read": N_("Whether a payout is read by the Private API, or by the Public one, whose path is documented."),
        "services_path": N_("The path of the list of services that pay out, at the public API."),
    },
    Softline: {
        "token_life_s": N_("The life of a token that the account's password is exchanged for."),
        "payment_method": N_("The code of the means of payment, from your contract."),
        "company_payment_method": N_("The code for buyers that are companies."),
        "return_success_url": N_("Where the page leads the customer after paying."),
        "refund_email": N_("The shop's own address for questions about a refund, not the buyer's."),
        "payment_description": N_("The text of a payment; {{orderId}}, {{storeId}} and {{terminalId}} are replaced by those of the sale."),
        "refund_description": N_("The text of a refund, for the people who handle it."),
        "locale": N_("The language of the page, as Softline spells it."),
        "recurring_indicator": N_("Make every payment the first of automatic ones."),
        "additional_data": N_("Remarks that the buyer does not see."),
        "searches": N_("How often a payment whose answer was lost is searched for before it is believed never to have been made."),
        "search_pause_ms": N_("The wait before such a search."),
        "search_margin_s": N_("How far before the first sending a search begins, for the two clocks may differ."),
        "pay_date_field": N_("Where an answer shows the day of payment."),
        "test_link_hosts": N_("Further hosts of payment links on the test side: a sandbox in your network."),
    },
    PayConnect: {
        "requests_per_minute": N_(
            "The most requests a minute that PayConnect takes from one address, those of all tills behind it together."
        ),
        "address_share_percent": N_("The part of those requests that this till may use, in percent."),
        "description": N_("What a payment says before the agent's own id of it."),
        "confirmed_assumptions": N_("The assumptions that PayConnect has confirmed in writing. With real money all are needed."),
        "access_field": N_("Which field of the answer holds the token."),
        "life_field": N_("Which field of the answer holds the token's life, in seconds."),
        "id_field": N_("Which field of the answer holds the payment's id."),
        "read_path": N_("The path by which a payment is read."),
        "currency_field": N_("Which field of the answer holds the currency."),
        "description_field": N_("Which field of the answer holds the description with our id."),
        "status_field": N_("Which field of the answer holds the status."),
        "pending_words": N_("Words of the status that mean: not decided yet."),
        "succeeded_words": N_("Words of the status that mean: paid."),
        "failed_words": N_("Words of the status that mean: not paid, for good."),
        "expired_words": N_("Words of the status that mean: expired, nobody can pay any more."),
        "refunded_words": N_("Words of the status that mean: returned."),
        "signature_hash": N_("The digest that messages of PayConnect are signed with."),
        "signature_encoding": N_("How the signature of a message is written."),
        "hook_id_field": N_("Which field of a message holds the payment's id."),
    },
}
