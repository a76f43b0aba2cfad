"""What the settings of the machine, the shops and the tills mean, in a sentence or two."""

from collections.abc import Mapping

from agent.settings.model import Backup, Helper, Journal, Log, Settings, Store, Terminal
from agent.settings.part import Part
from agent.texts import N_

SHOP: Mapping[type[Part], Mapping[str, str]] = {
    Settings: {
        "environment": N_(
            "Which side money moves on: test (play money) or production (real money). A payment belongs to its side for ever; "
            "the side cannot be changed while money is owed or possible."
        ),
        "language": N_("The language of texts for cashiers and technicians."),
        "timezone": N_("The time zone of the business day, by its name in the time zone database. Times in records are always UTC."),
        "journal": N_("The file that holds every payment, and where it lies."),
        "backup": N_(
            "A copy of the journal every day, proved and without secrets. Without this table there is none but by the command "
            '"koshelek-agent backup".'
        ),
        "log": N_("What goes to the system's log."),
        "provider": N_("The payment systems in use, a table for each."),
        "helper": N_("The command around Koshelek's card module, if the register does not bring token and card session itself."),
        "store": N_("A shop, with what the bank and the payment system know it by. One table per shop."),
        "terminal": N_("A till. One table per till."),
        "listener": N_("A way in for register software. One table for each."),
        "webhooks": N_(
            "Where payment systems may send messages about payments. A message only makes the agent ask at once; nothing in it is believed."
        ),
    },
    Journal: {
        "path": N_(
            "The journal's file: on a local disk, never on a network or memory file system. Without it: journal.sqlite3 in the "
            "service's state directory (/var/lib/koshelek-agent), or in the user's when started by hand."
        ),
        "allow_volatile": N_("Accept a file system that forgets everything at power-off. For demonstrations only."),
        "reserve_mb": N_(
            "Megabytes kept free beside the journal: when the disk is full, payments in flight are still brought to their end in"
            " them, and only new ones are refused."
        ),
    },
    Backup: {
        "directory": N_(
            "Where the copies go. It must be there, belong to the agent's user and be closed to others; choose another disk than"
            " the journal's."
        ),
        "at": N_("When the copy is made, in the configured time zone: hours and minutes."),
        "keep": N_("How many copies are kept; the oldest go first."),
    },
    Log: {
        "level": N_("The least important messages that are still logged."),
    },
    Helper: {
        "command": N_("The program by its absolute path, then its arguments."),
        "time_limit_ms": N_("How long the program may take for an answer."),
    },
    Store: {
        "store_id": N_("The id of the shop; with Koshelek the one that Koshelek has given."),
        "brand_name": N_("The trade name as registered in SBP: the buyer sees it in the bank's app."),
        "legal_name": N_("The full name of the legal entity or sole trader."),
        "provider": N_("The payment system of the shop's tills that name none themselves."),
        "legal_id": N_("The id of the legal entity in SBP, from the bank. Needed with Koshelek."),
        "merchant_id": N_("The id of the shop in SBP, from the bank. Every shop has its own. Needed with Koshelek."),
        "account": N_("The settlement account in the recipient bank. Needed with Koshelek."),
        "member_id": N_("The bank's own member id in SBP. Needed with Koshelek."),
        "payment_purpose": N_("The purpose text of payments, if it is not agreed once and for all with Koshelek."),
        "address": N_("The shop's address, for receipts and screens."),
    },
    Terminal: {
        "store_id": N_("The shop that the till stands in."),
        "terminal_id": N_("Your own number of the till, unique within its shop."),
        "provider": N_(
            "The payment system of this till. A payment goes to the system that the register names for it, else to the till's, "
            "else to its shop's, else to Koshelek or the only one configured."
        ),
        "offline": N_(
            "Without a connection to the payment system: queue waits up to send_deadline_s and then gives up unsent; refuse "
            "turns the payment away at once."
        ),
        "send_deadline_s": N_("The latest moment to send a payment, from its acceptance."),
        "unclaimed": N_("What becomes of a payment whose result no register asks for: keep the money, with an alarm, or return it."),
    },
}
