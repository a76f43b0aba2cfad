"""Heads of the tables that people are shown; ``table`` says them in the person's language. What stands below - states, codes, names - are
values of the protocol, as are heads like qrcId."""

from agent.texts import N_

ACCEPTED, AT, EVENT = N_("accepted"), N_("at"), N_("event")
TILL, SALE, KEY, ORDER = N_("till"), N_("sale"), N_("key"), N_("order")
AMOUNT, REFUNDED, STATE, MONEY = N_("amount"), N_("refunded"), N_("state"), N_("money")
REASON, ALARMS, RELEASED, IN_THE_BACKUP = N_("reason"), N_("alarms"), N_("released"), N_("in the backup")
REFUND, DECISION = N_("refund"), N_("decision")
SERVICE, CURRENCY, LIMITS, FIELDS = N_("service"), N_("currency"), N_("limits"), N_("fields")
