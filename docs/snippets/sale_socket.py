"""A sale over the Unix socket: Python 3.8 or newer, standard library only.

Was run: against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this program killed
in the middle.

    printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | python3 sale_socket.py

On standard input: what Koshelek's card library has made of the customer's code, and the till's token. They are secrets: never store them,
never put them on a command line. Started again after a crash, the program finishes the sale that its disk holds, and needs no input.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

SOCKET = os.environ.get("AGENT_SOCKET", "/run/koshelek-agent/pos.sock")
PLACE = {"storeId": "S12", "terminalId": "till-03"}
DISK = Path("open-sale.json")  # the register's own disk
REPEAT = ("BUSY", "DISK_FULL", "INTERNAL")  # errors that leave it open: the same request again

lines = None  # the connection, as a file of lines
number = 0


class Refused(Exception):
    """The agent understood the request and refused it: nothing was stored, nothing was sent. ``args[0]`` is the code."""


def ask(method, params):
    """One request, one answer. Raises OSError and ValueError when the connection is lost."""
    global lines, number
    if lines is None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(15)  # the longest wait, and ten seconds more
        connection.connect(SOCKET)
        lines = connection.makefile("rw", encoding="utf-8", newline="\n")
    number += 1
    lines.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": {**PLACE, **params}}) + "\n")
    lines.flush()
    answer = json.loads(lines.readline())  # an empty line is a lost connection
    if "error" in answer:
        raise Refused(answer["error"]["data"]["code"], answer["error"]["message"])
    return answer["result"]


def insist(method, **params):
    """After any doubt the same request again, with the same key, on a new connection. Nothing is done twice."""
    global lines
    while True:
        try:
            return ask(method, params)
        except (OSError, ValueError) as error:
            print("no answer, asking again:", error, file=sys.stderr)
            lines = None
        except Refused as error:
            if error.args[0] not in REPEAT:
                raise
        time.sleep(1)


def store(record):
    """Whole or not at all, and on the disk before we go on."""
    fresh = DISK.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(DISK)


def sell(bill, card_session, token):
    key = bill["orderId"] + "-" + str(int(time.time()))  # a new wish to take money is a new key
    store({"key": key, "bill": bill})  # before anything is sent
    user = {"loyaltyId": "2900000012345"}
    answer = insist("checkout.create", key=key, checkoutInvoice=bill, user=user, cardSession=card_session, token=token)
    return finish(key, answer)


def finish(key, answer):
    while not answer["finished"] and answer["next"] == "poll":
        print(answer["message"], file=sys.stderr)  # the cashier's screen; a button there may send checkout.cancel
        answer = insist("checkout.get", key=key, wait=1)
    if not answer["finished"]:  # next: person. Do not take the money again
        print(answer["message"], file=sys.stderr)
        return 4
    store({"key": key, "answer": answer})
    print(answer["slip"]["text"]["42"] if answer["success"] else answer["message"])  # the printer
    insist("checkout.confirm", key=key)
    DISK.unlink()
    return 0 if answer["success"] else 3


def after_restart():
    """Our disk holds an open sale. It is asked for, never made again: the card session is gone."""
    key = json.loads(DISK.read_text(encoding="utf-8"))["key"]
    for pause in (5, 0):
        try:
            return finish(key, insist("checkout.get", key=key))
        except Refused as error:
            if error.args[0] != "NOT_FOUND":
                raise
            time.sleep(pause)  # it may still be on its way; asked twice, it was never accepted
    DISK.unlink()
    return 3


if DISK.exists():
    sys.exit(after_restart())
session, till_token = sys.stdin.read().split()
milk = {"name": "Milk", "article": "100300", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}
sys.exit(sell({"orderId": "S12-000345", "totalAmount": 27000, "items": [milk]}, session, till_token))
