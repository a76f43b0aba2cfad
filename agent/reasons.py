"""What a reason code means to a cashier: what happened, and what to do now. Short, calm, and never more than is known.

The codes are the vendor's (of a refused request, and of a rejected payment or refund), the agent's own reasons, and the error codes of the
register's interface. A text must be true in every situation its code can appear in: a code that may stand beside a payment whose
result is open must not tell anybody to take the money again. Where the customer pays on a page and not in an app, some codes need other
words: those of ``LINK``, by what the payment system can do and not by its name.
"""

from agent.texts import N_, Translate

# codes of refused requests (HTTP 422 of the Pay API)
REFUSALS = {
    "UNKNOWN_SESSION_ID": N_(
        "The payment system did not accept the code from the customer's phone. "
        "If the payment is declined, the customer can refresh the card in the app and have it scanned again."
    ),
    "UNKNOWN_TRANSACTION_ID": N_("The payment system does not know this payment. Call the technician."),
    "UNKNOWN_PARTNER_ID": N_("The payment system does not know this shop: the till's settings are wrong. Call the technician."),
    "WRONG_TRANSACTION_STATE_CHANGE": N_("The payment is in a state that does not allow this. Check the payment's result again."),
    "PAYMENT_TRANSACTION_IS_NOT_PAID": N_("Nothing was paid under this payment, so there is nothing to return."),
    "CANCEL_REFUNDING_BY_BANK": N_("The bank did not carry out the return. The money has not gone back. Call the technician."),
    "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS": N_(
        "This code from the customer's phone has been used already. Check the earlier payment before taking another."
    ),
    "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED": N_(
        "A payment with this code from the customer's phone has been made already. Check it: the customer must not pay twice."
    ),
    "TRANSACTION_IN_PROCESSING": N_("The operation is being processed. Wait a little and check again."),
}

# reasons inside an answered payment or refund (errorCode)
REJECTIONS = {
    "NOT_ENOUGH_LIMIT_TO_PAY": N_("The customer's payment limit is not enough. Offer another means of payment."),
    "TOTAL_AMOUNT_IS_TOO_SMALL": N_("The amount is below the smallest one that can be paid this way. Offer another means of payment."),
    "SUBSCRIPTION_IS_NOT_FOUND": N_("The customer's linked account was not found. Offer another means of payment."),
    "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER": N_("The bank declined the payment. Offer another means of payment."),
    "PAYMENT_ORDER_IS_NOT_FOUND": N_(
        "The payment system did not find the payment's order. Check the state; if it is not clear, call the technician."
    ),
    "EXTERNAL_PROVIDER_ERROR": N_("The bank or the payment system had a fault. Check the result before you try again."),
    "TERMINAL_STATE_OF_PAYMENT_TRANSACTION": N_(
        "The payment did not take place or has been returned in full already. Nothing more can be returned."
    ),
    "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY": N_("Another return for this payment is still running. Wait until it ends."),
    "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE": N_("This is more than is left to return for the payment. Check the amount."),
    "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER": N_(
        "The payment system did not accept the amount of the return. Call the technician."
    ),
}

# resolutions of PayCore (in capitals), and what it refuses to make: few texts, for a cashier can do few things about them
PAYCORE = {
    "INSUFFICIENT_FUNDS": N_("There is not enough money on the customer's card or account. Offer another means of payment."),
    **dict.fromkeys(
        (
            *(
                "DECLINED",
                "ISSUER_DECLINE",
                "ANTIFRAUD_ERROR",
                "CARD_EXPIRED",
                "CARD_VERIFICATION_FAILED",
                "FUNCTIONALITY_IS_NOT_PERMITTED",
            ),
            *("INVALID_CARD", "INVALID_CARD_STATUS", "LOST_OR_STOLEN_CARD"),
        ),
        N_("The bank declined the payment. Offer another means of payment."),
    ),
    **dict.fromkeys(
        (
            *("AUTH_FATAL_ERROR", "CLIENT_AUTH_FAILED", "INVALID_3DS_CODE", "INVALID_CVV", "INVALID_DETAILS", "INVALID_OTP", "INVALID_PAN"),
            *("INVALID_PIN", "CARD_IS_3DS_ENROLLED", "CARD_IS_NOT_3DS_ENROLLED", "UNABLE_TO_DETERMINE_3DS_ENROLMENT"),
        ),
        N_("The bank did not confirm what the customer entered. The customer can pay anew, or by another means of payment."),
    ),
    **dict.fromkeys(
        ("INVALID_AMOUNT", "LIMIT_VIOLATION"),
        N_("The amount is outside the limits of this means of payment. Offer another means of payment."),
    ),
    **dict.fromkeys(
        (
            *("ERROR", "FATAL_ERROR", "GENERAL_FATAL_ERROR", "PROVIDER_ERROR", "PROVIDER_FATAL_ERROR", "UNABLE_TO_RECONCILE", "UNKNOWN"),
            "DUPLICATED_TRANSACTION",
        ),
        N_("The bank or the payment system had a fault. Check the result before you try again."),
    ),
    **dict.fromkeys(
        ("INVALID_CREDENTIALS", "INVALID_REQUEST"),
        N_("The payment system did not accept the till's request: its settings are wrong. Call the technician."),
    ),
}

# codes of Softline, which are bare numbers there, and what it says or shows that a till cannot use
SOFTLINE = {
    **dict.fromkeys(
        (
            *("SOFTLINE_110", "SOFTLINE_111", "SOFTLINE_6010", "SOFTLINE_6020", "SOFTLINE_6030", "SOFTLINE_6080", "SOFTLINE_6100"),
            "SOFTLINE_HTTP_400",
        ),
        N_("The payment system did not accept the till's request: its settings are wrong. Call the technician."),
    ),
    "SOFTLINE_6000": N_("The payment system could not make the payment. Call the technician."),
    "SOFTLINE_6060": N_(
        "The payment system did not accept the customer's e-mail address. If the payment is declined, ask the customer for it again."
    ),
    "SOFTLINE_6090": N_(
        "The payment system does not take this amount by this means of payment. If the payment is declined, use a different one."
    ),
    "SOFTLINE_TERMINATED": N_("The payment system has removed this payment. Call the technician."),
    "LINK_OTHER_SIDE": N_(
        "The payment link is not shown: it mixes up real money and test money. Nothing can be paid by it. Call the technician."
    ),
    "LINK_UNUSABLE": N_("The payment system sent no payment link that can be opened. Nothing can be paid by it. Call the technician."),
}

# codes of PayConnect, which documents one; of others the class of the HTTP status is known
PAYCONNECT = {
    "PAYCONNECT_INVALID_AMOUNT": N_(
        "The payment system does not take this amount. If the payment is declined, offer another means of payment."
    ),
    **dict.fromkeys(
        ("PAYCONNECT_HTTP_400", "PAYCONNECT_HTTP_402", "PAYCONNECT_HTTP_413", "PAYCONNECT_HTTP_415", "PAYCONNECT_HTTP_422"),
        N_("The payment system did not accept the till's request: its settings are wrong. Call the technician."),
    ),
}

# the agent's own
OWN = {
    "OFFLINE": N_("There is no connection to the payment system at the moment. Check the till's network."),
    "SEND_DEADLINE": N_(
        "The payment could not be sent in time, and the till gives it up. "
        "Offer another means of payment only when this payment is shown as not made."
    ),
    "CANCELED_BY_CASHIER": N_("The till asked to cancel the payment."),
    "CANCELED_BY_CUSTOMER": N_("The customer canceled it in the app."),
    "WAIT_LIMIT": N_("The customer did not confirm the payment in time, so the till asked to cancel it."),
    "NO_ANSWER": N_("The payment system did not answer. It is not known whether the customer paid. Do not take the money again yet."),
    "AMOUNT_MISMATCH": N_(
        "The amount in the payment system's answer differs from the bill. Do not hand out the goods; call the technician."
    ),
    "ORDER_MISMATCH": N_("The payment system answered with another order's number. Do not hand out the goods; call the technician."),
    "CURRENCY_MISMATCH": N_("The payment system answered in another currency. Do not hand out the goods; call the technician."),
    "STORE_MISMATCH": N_("The payment system answered with another shop or till. Call the technician."),
    "SLIP_MISSING": N_("The money was taken, but the payment system sent no slip. Do not take the money again; call the technician."),
    "WINDOW_CLOSED": N_(
        "The payment's result could not be learnt, and the customer may have paid. "
        "Ask the customer to look into the bank's app, and call the technician."
    ),
    "LINK_LOST": N_("The payment system gave no payment link. Offer another means of payment only when this payment is shown as not made."),
    "LINK_NOT_OPENED": N_(
        "The customer did not open the payment page in time, and the payment link is not shown any more. "
        "If the link is still opened and paid, the money goes back by itself."
    ),
    "LINK_EXPIRED": N_("The payment link has expired, and nobody has paid by it."),
    "NO_REFUND_CALL": N_("This payment system takes no refunds from a till. The money must be returned by hand. Call the technician."),
    "ACCESS_DENIED": N_("The payment system does not let this till in: its settings are wrong. Call the technician."),
    "UNKNOWN_STATUS": N_("The payment system answered something unknown. The result is not clear yet. Call the technician."),
    "REFUNDED_ELSEWHERE": N_("The money has been returned to the customer elsewhere. Do not return it again."),
    "PROVIDER_UNAVAILABLE": N_("The payment system cannot answer at the moment."),
    "TOO_SLOW": N_("The payment system did not answer in time."),
    "CARD_SESSION_UNAVAILABLE": N_("This card cannot be used to pay. Offer another means of payment."),
    "TOKEN_UNAVAILABLE": N_("The till has no key for this operation. Call the technician."),
    "HELPER_FAILED": N_("The card module of the till does not work. Call the technician."),
    "UNCLAIMED": N_("The payment was made, but the register did not ask for its result. Its state shows whether the money goes back."),
    "RESTORED": N_("The till's data were restored from a backup. The result must be checked by hand. Call the technician."),
    "RECORD_DAMAGED": N_("The record of this payment is damaged and is not used. Call the technician."),
    "LATE_MONEY": N_("The money came after the payment had been answered as not made. It is being returned to the customer."),
    "SECRET_LOST": N_("What is needed to finish this operation is no longer on the till. Call the technician."),
    "REFUND_UNCLEAR": N_("It is not known yet whether the return has been made. Do not return the money another way yet."),
    "REFUND_AMBIGUOUS": N_("It cannot be told which return belongs to this request. Do not return the money again; call the technician."),
    "FOUND_LATE": N_("The payment was found late, and the till asked to cancel it."),
    "OTHER_TRANSACTION": N_("The payment system answered about another payment. The answer is not used. Call the technician."),
    "SECOND_TRANSACTION": N_(
        "The payment system shows another transaction of this payment, which the till does not count. "
        "The customer may have paid twice. Call the technician."
    ),
    "OVERPAID": N_(
        "The customer has paid more than the bill. The payment counts. "
        "Call the technician: the rest, which the sale's story names, must be returned by hand."
    ),
    "OTHER_AMOUNT": N_(
        "The payment is over another amount than the register described, and this payment system returns only whole payments. "
        "Nothing was asked for."
    ),
    "REJECTED": N_("The payment system rejected the operation and gave no reason."),
    "EARLIER_REFUND": N_("An earlier return of this payment is not finished yet; this one goes after it. Do not begin another return."),
    "REFUND_SLOW": N_(
        "A return was asked for long ago, and the money has still not been returned. Ask the payment system's support about it."
    ),
    "RETURN_REFUSED": N_("The payment system refused to return the money. Call the technician."),
    "OPERATOR": N_("An employee of the shop has checked this and decided it by hand."),
    "OPERATOR_CONTRADICTED": N_("The payment system says something else than what was decided by hand. Call the technician."),
    "REBOOTED": N_("The till was restarted during the payment. Wait for the payment's result before taking the money again."),
}

# the agent's own, in other words where the customer pays on a page behind a payment link
LINK = {
    "CANCELED_BY_CUSTOMER": N_("The customer canceled it on the payment page."),
    "WAIT_LIMIT": N_("The customer did not pay in time, so the till took the payment link back."),
    "FOUND_LATE": N_("The payment was found late, and its payment link is not shown any more."),
    "SLIP_MISSING": N_(
        "The payment system says that the money was taken, but not how much. Do not take the money again; call the technician."
    ),
}

# beside a payment of which money was taken and which does not count as paid: what is wrong with it; what to do is said once, behind it
CHARGED = {
    "SLIP_MISSING": N_("The money was taken, but the payment system sent no proof of it that the till can accept."),
    "AMOUNT_MISMATCH": N_("The money was taken, but the amount in the payment system's answer differs from the bill."),
    "ORDER_MISMATCH": N_("The money was taken, but the payment system answered with another order's number."),
    "CURRENCY_MISMATCH": N_("The money was taken, but the payment system answered in another currency."),
    "STORE_MISMATCH": N_("The money was taken, but the payment system answered with another shop or till."),
    "REFUNDED_ELSEWHERE": N_("The money was taken, but all or part of it was returned to the customer elsewhere. Do not return any of it."),
}
_CHARGED = N_("The money was taken, but the payment does not count as paid yet.")
_CHARGED_ADVICE = N_("Do not take it again. Do not hand out the goods before the technician has cleared it up: call the technician.")

# why a payout is as it is: words for whoever stands at the till, none of which may make him pay out a second time
PAYOUT = {
    "OFFLINE": N_("There is no connection to the payment system at the moment. Check the till's network."),
    "SEND_DEADLINE": N_("It could not be sent in time, so the till gave it up."),
    "CANCELED_BY_CASHIER": N_("The till asked to cancel it before it was sent."),
    "ACCESS_DENIED": N_("The payment system does not let this till in: its settings are wrong. Call the technician."),
    "SECRET_LOST": N_("What is needed to finish this operation is no longer on the till. Call the technician."),
    "RESTORED": N_("The till's data were restored from a backup. The result must be checked by hand. Call the technician."),
    "INVALID_REQUEST": N_("The payment system did not accept it: the recipient's data or the till's settings are wrong."),
    "UNKNOWN_TRANSACTION_ID": N_("The payment system does not know this payout any more. Call the technician."),
    "UNKNOWN_STATUS": N_("The payment system answered something unknown. The result is not clear yet. Call the technician."),
    "OTHER_TRANSACTION": N_("The payment system answered about another payout. The answer is not used. Call the technician."),
    "PROVIDER_UNAVAILABLE": N_("The payment system cannot answer at the moment."),
    "OPERATOR": N_("An employee of the shop has checked this and decided it by hand."),
    "OPERATOR_CONTRADICTED": N_("The payment system says something else than what was decided by hand. Call the technician."),
    "PAYOUT_NOT_FOUND": N_(
        "It may have been sent, and the payment system does not find it. Ask the payment system's support about it by its reference."
    ),
    "PAYOUT_MISMATCH": N_(
        "The payment system shows another amount, currency or reference than was asked for. Ask the payment system's support."
    ),
    "PAYOUT_UNPROVEN": N_("The payment system says that it was made, but not over how much. Ask the payment system's support."),
    "PAYOUT_PARTLY": N_("The payment system has made a part of it. Ask the payment system's support where the money is."),
    "PAYOUT_SLOW": N_("The payment system has been at work on it for long. Ask the payment system's support about it."),
    "PAYOUT_FAILED": N_("The payment system could not make it."),
    "PAYOUT_CANCELED": N_("It was canceled at the payment system."),
    "PAYOUT_RETURNED": N_("The payment system took it back after it had been made. The recipient does not have the money."),
    "PAYOUT_LATE": N_(
        "The payment system made it after all, although it had ended as not made. The recipient has the money. Call the technician."
    ),
    "PAYOUT_FOUND": N_(
        "It had ended as not made, and the payment system shows it all the same. The recipient may get the money. Call the technician."
    ),
    "SECOND_PAYOUT": N_("The payment system shows another payout under the same reference. The money may have gone twice."),
}

# error codes of the register's interface
ERRORS = {
    "CONFLICT": N_("The register repeated a payment's key with other data. Nothing was done. Call the technician."),
    "KEY_REUSED": N_("The register used the key of an old payment again. Nothing was done. Call the technician."),
    "ORDER_IN_DOUBT": N_("An earlier payment of this order is not settled yet. Check it before taking another."),
    "ORDER_PAID": N_("This order is paid already. The customer must not pay twice."),
    "DISK_FULL": N_("The till has no space left to record payments. Nothing was done. Call the technician."),
    "BUSY": N_("The till is busy with earlier operations. Wait a little and try again."),
    "LIMIT": N_("The request exceeds a limit of the payment agent. Nothing was done. Call the technician."),
    "INVALID": N_("The register sent data that cannot be used. Nothing was done. Call the technician."),
    "FORBIDDEN": N_("This register may not do this. Call the technician."),
    "NOT_FOUND": N_("There is no such operation on this till."),
    "RECORD_LOST": N_(
        "The record of this may have been lost with an earlier journal of the till. Whether money moved is not known here: do not take or "
        "pay it again. Call the technician."
    ),
    "OVER_LIMIT": N_("This is more than is allowed, and will not be later: ask for less. Nothing was done. Call the technician."),
    "UNKNOWN_TERMINAL": N_(
        "This till is not set up in the payment agent. It is not known here whether a payment was made. Call the technician."
    ),
    "HELD_HERE": N_("This sale is known here: return it as a sale of its own till."),
    "NOT_PAID": N_("The receipt was not taken: the payment or the return it belongs to is not shown as made."),
    "NO_LINK": N_("There is no payment link to show: the payment does not wait for the customer. Look at its state."),
    "LINK_NEEDS_POST": N_(
        "This payment page cannot be opened by a code. Open it on the register's screen, or offer another means of payment."
    ),
    "LINK_TOO_LONG": N_("The payment link is too long for a code. Open it on the register's screen, or offer another means of payment."),
    "BACKUP_FAILED": N_("The backup was not made. The till's payments are not affected. Call the technician."),
    "UNSUPPORTED": N_("The payment system of this till cannot do this."),
    "NOT_REFUNDABLE": N_("This return is not possible as it was asked for."),
}

# why a bill was refused before anything was stored (ORDER_PAID, ORDER_IN_DOUBT), where the code alone would be misunderstood
BILLS = {
    "OTHER_BILL": N_(
        "A payment of another sum has this order number. It does not pay this bill: do not hand out the goods. Call the technician."
    ),
}

# why a return was refused before anything was stored (NOT_REFUNDABLE); NO_REFUND_CALL, which may be among them, has its text above
RETURNS = {
    "NOTHING_LEFT": N_("Nothing of this is left to return. Look at the returns that were made before."),
    "MORE_THAN_LEFT": N_("This is more than is left to return. Returns at work, and those given up by hand, count too. Check the amount."),
    "WRONG_LINES": N_("What is to be returned does not fit the sale. Choose the goods and their quantities anew."),
    "WHOLE_ONLY": N_("This payment system returns only the whole payment. Return all of it, or the part by other means."),
    "WHOLE_LINE_ONLY": N_("Goods that are sold by weight or measure can be returned only whole, as they were sold."),
    "SALE_NOT_PAID": N_("This sale is not shown as paid, so nothing can be returned for it. Look at its state."),
    "NO_TRANSACTION": N_(
        "The payment system's number of this payment is not known here. The money must be returned by hand. Call the technician."
    ),
    "TOO_MANY_RETURNS": N_("There are too many returns of this sale already. Call the technician."),
    "SYSTEM_GONE": N_("The payment system of this sale is not set up on this till any more. Call the technician."),
}

REASONS = {**PAYOUT, **REFUSALS, **REJECTIONS, **PAYCORE, **SOFTLINE, **PAYCONNECT, **OWN, **BILLS, **RETURNS, **ERRORS}

_UNKNOWN = N_("The reason given is {code}. If it is not clear what to do, call the technician.")


def explain(code: str, translate: Translate, *, by_link: bool = False) -> str:
    """The text for a code; an unknown code is shown as it is, without guessing its meaning. ``by_link``: the customer pays by a payment
    link."""
    known = (LINK.get(code) if by_link else None) or REASONS.get(code)
    return translate(known) if known else translate(_UNKNOWN).format(code=code)


def explain_charged(code: str | None, translate: Translate) -> str:
    """The whole message of a payment that is in doubt although its money was taken: what is wrong, whether the goods may go, what to do."""
    return f"{translate(CHARGED.get(code or '', _CHARGED))} {translate(_CHARGED_ADVICE)}"


def explain_payout(code: str, translate: Translate) -> str:
    """The text for a code of a payout. One that is told of payments alone is shown as it is: their texts speak of customers who pay."""
    known = PAYOUT.get(code) or ERRORS.get(code)
    return translate(known) if known else translate(_UNKNOWN).format(code=code)
