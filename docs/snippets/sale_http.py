"""A sale over HTTP: Python 3.8 or newer, standard library only.

Was run: against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this program killed
in the middle.

    printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | python3 sale_http.py S12-000345

On the command line: the order's number. On standard input: what Koshelek's card library has made of the customer's code, and the till's
token. They are secrets: never store them, never put them on a command line. Started again after a crash, the program finishes the sale
that its disk holds, and needs no input; if the disk has lost it, the till's last sale that was not confirmed. Its status is then that
sale's.

Its exit status: 0 paid, 3 not paid, 4 not known (the sale stays on the disk and is asked for at the next start: call a person), 5 refused:
nothing was accepted, and the message says why - it may be that the order is paid already.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

AGENT = os.environ.get("AGENT_URL", "http://127.0.0.1:7432")
TOKEN = Path(os.environ.get("AGENT_TOKEN_FILE", "/etc/kassa/agent.token")).read_text().strip()  # of the client in the agent's configuration
TILL = "/v1/stores/S12/terminals/till-03"
SALES = TILL + "/checkouts/"
DISK = Path("open-sale.json")  # the register's own disk
REPEAT = ("BUSY", "DISK_FULL", "INTERNAL", "LIMIT")  # not now, or not known: the same request again

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


class Refused(Exception):
    """An error of the agent. ``code`` is for programs, ``message`` for the cashier."""

    def __init__(self, code, message, pause=1):
        super().__init__(code, message)
        self.code, self.message, self.pause = code, message, pause  # the pause in seconds, before the same is asked again
        self.doubt = False  # whether it was sent before, and may have been carried out then


def ask(verb, path, body):
    """One request, one answer. Raises OSError, ValueError and HTTPException when there is none, or none of the agent's."""
    headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()  # a Cyrillic letter has 2 bytes so, and 6 as \u041c
    request = urllib.request.Request(AGENT + path, data, headers, method=verb)
    try:
        with opener.open(request, timeout=15) as answer:  # the longest wait, and ten seconds more
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)  # whatever speaks here, only an answer with a code is the agent's
        if "code" not in problem:
            raise ValueError("not the agent's answer") from error
        pause = int(error.headers.get("Retry-After", 1))
        raise Refused(problem["code"], problem.get("message", problem["detail"]), pause) from error  # the detail is the programmer's


def insist(verb, path, body=None):
    """After any doubt the same request again, with the same key. Nothing is done twice."""
    doubt = False
    while True:
        try:
            return ask(verb, path, body)
        except (OSError, ValueError, HTTPException) as error:
            print("no answer, asking again:", error, file=sys.stderr)
            pause = 1
        except Refused as error:
            if error.code not in REPEAT:
                error.doubt = doubt
                raise
            print("not now, asking again:", error.message, file=sys.stderr)
            pause = error.pause
        doubt = True
        time.sleep(pause)


def store(record):
    """Whole or not at all, and on the disk before we go on."""
    fresh = DISK.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(DISK)
    folder = os.open(DISK.parent, os.O_RDONLY)
    os.fsync(folder)  # the new name as well
    os.close(folder)


def sell(bill, card_session, token):
    key = f"{time.time_ns() // 1000000}-{uuid4()}"  # a new wish to take money is a new key; an order's number may be no key at all
    store({"key": key, "bill": bill})  # before anything is sent
    body = {"checkoutInvoice": bill, "user": {"loyaltyId": "2900000012345"}, "cardSession": card_session, "token": token}
    try:
        answer = insist("PUT", SALES + quote(key, safe=""), body)
    except Refused as error:
        print(error.message, file=sys.stderr)
        if error.code == "INVALID" and not error.doubt:  # sent once, and it was no request: nothing can have been accepted
            return forget(key)
        return settle(key)  # this request was refused; one before it, whose answer was lost, may have been accepted
    return finish(key, answer)


def finish(key, answer):
    path = SALES + quote(key, safe="")
    while not answer["finished"] and answer["next"] == "poll":
        print(answer["message"], file=sys.stderr)  # the cashier's screen; a button there may POST to path + "/cancel"
        answer = insist("GET", path + "?wait=1")
    if not answer["finished"]:  # next: person. Do not take the money again
        print(answer["message"], file=sys.stderr)
        return 4
    store({"key": key, "answer": answer})
    print(answer["slip"]["text"]["42"] if answer["success"] else answer["message"])  # the printer
    insist("POST", path + "/confirm")
    DISK.unlink()
    return 0 if answer["success"] else 3


def settle(key):
    """How our sale stands. It is asked for, never made again: the card session is gone. Only NOT_FOUND of a get says that it was not
    accepted; after any other error that is not known, and the sale stays on our disk."""
    for pause in (5, 0):
        try:
            answer = insist("GET", SALES + quote(key, safe=""))
        except Refused as error:
            if error.code != "NOT_FOUND":
                raise
            time.sleep(pause)  # it may still be on its way; asked twice, it was never accepted
        else:
            return finish(key, answer)
    return forget(key)


def forget(key):
    print("the agent has not accepted", key + ": no money was taken by it", file=sys.stderr)
    DISK.unlink()
    return 5


def forgotten():
    """The sale that our disk has lost, if it has: the till's last one, when its end was not confirmed."""
    try:
        last = insist("GET", TILL + "/operations/last")
    except Refused as error:
        if error.code != "NOT_FOUND":
            raise
        return None  # the till has none yet
    return None if last["confirmed"] else last


def main(arguments):
    try:
        if DISK.exists():
            print("the sale on the disk is finished first", file=sys.stderr)
            return settle(json.loads(DISK.read_text(encoding="utf-8"))["key"])
        last = forgotten()
        if last:
            print("the till's last sale is finished first", file=sys.stderr)
            store({"key": last["key"]})
            return finish(last["key"], last)
        if len(arguments) != 1:
            print("usage: sale_http.py ORDER", file=sys.stderr)
            return 2
        session, token = sys.stdin.read().split()
        milk = {"name": "Milk", "article": "100300", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}
        return sell({"orderId": arguments[0], "totalAmount": 27000, "items": [milk]}, session, token)
    except Refused as error:
        print(error.message, file=sys.stderr)
        return 4


sys.exit(main(sys.argv[1:]))
