// A sale over HTTP: JavaScript, Node.js 18 or newer, no packages.
//
// Was run: against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this program killed in
// the middle.
//
//     printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | node sale_http.js S12-000345
//
// On the command line: the order's number. On standard input: what Koshelek's card library has made of the customer's code, and the till's
// token. They are secrets: never store them, never put them on a command line. Started again after a crash, the program finishes the sale
// that its disk holds, and needs no input; if the disk has lost it, the till's last sale that was not confirmed. Its status is then that
// sale's.
//
// Its exit status: 0 paid, 3 not paid, 4 not known (the sale stays on the disk and is asked for at the next start: call a person),
// 5 refused: nothing was accepted, and the message says why - it may be that the order is paid already.
"use strict";
const { randomUUID } = require("node:crypto");
const fs = require("node:fs");

const AGENT = process.env.AGENT_URL || "http://127.0.0.1:7432";
const TOKEN = fs.readFileSync(process.env.AGENT_TOKEN_FILE || "/etc/kassa/agent.token", "utf8").trim(); // of the client in the agent's configuration
const TILL = "/v1/stores/S12/terminals/till-03";
const SALES = `${TILL}/checkouts/`;
const DISK = "open-sale.json"; // the register's own disk
const REPEAT = ["BUSY", "DISK_FULL", "INTERNAL", "LIMIT"]; // not now, or not known: the same request again

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// An error of the agent. `code` is for programs, `message` for the cashier.
class Refused extends Error {
  constructor(code, message, seconds = 1) {
    super(message);
    this.code = code;
    this.seconds = seconds; // before the same is asked again
    this.doubt = false; // whether it was sent before, and may have been carried out then
  }
}

// One request, one answer. Throws when there is none, or none of the agent's.
async function ask(verb, path, body) {
  const answer = await fetch(AGENT + path, {
    method: verb,
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(15000), // the longest wait, and ten seconds more
  });
  const said = await answer.json();
  if (answer.ok) return said;
  if (!said.code) throw new Error("not the agent's answer");
  const seconds = Number(answer.headers.get("Retry-After")) || 1;
  throw new Refused(said.code, said.message || said.detail, seconds); // the detail is the programmer's
}

// After any doubt the same request again, with the same key. Nothing is done twice.
async function insist(verb, path, body) {
  for (let doubt = false; ; doubt = true) {
    try {
      return await ask(verb, path, body);
    } catch (error) {
      if (error instanceof Refused && !REPEAT.includes(error.code)) throw Object.assign(error, { doubt });
      console.error(error instanceof Refused ? "not now, asking again:" : "no answer, asking again:", error.message);
      await pause((error.seconds || 1) * 1000);
    }
  }
}

// Whole or not at all, and on the disk before we go on.
function store(record) {
  const file = fs.openSync(`${DISK}.new`, "w");
  fs.writeSync(file, JSON.stringify(record));
  fs.fsyncSync(file);
  fs.closeSync(file);
  fs.renameSync(`${DISK}.new`, DISK);
  const folder = fs.openSync(".", "r");
  fs.fsyncSync(folder); // the new name as well
  fs.closeSync(folder);
}

async function sell(bill, cardSession, token) {
  const key = `${Date.now()}-${randomUUID()}`; // a new wish to take money is a new key; an order's number may be no key at all
  store({ key, bill }); // before anything is sent
  const body = { checkoutInvoice: bill, user: { loyaltyId: "2900000012345" }, cardSession, token };
  let answer;
  try {
    answer = await insist("PUT", SALES + encodeURIComponent(key), body);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    if (error.code === "INVALID" && !error.doubt) return forget(key); // sent once, and it was no request: nothing can have been accepted
    return settle(key); // this request was refused; one before it, whose answer was lost, may have been accepted
  }
  return finish(key, answer);
}

async function finish(key, answer) {
  const path = SALES + encodeURIComponent(key);
  while (!answer.finished && answer.next === "poll") {
    console.error(answer.message); // the cashier's screen; a button there may POST to path + "/cancel"
    answer = await insist("GET", `${path}?wait=1`);
  }
  if (!answer.finished) {
    console.error(answer.message); // next: person. Do not take the money again
    return 4;
  }
  store({ key, answer });
  console.log(answer.success ? answer.slip.text["42"] : answer.message); // the printer
  await insist("POST", `${path}/confirm`);
  fs.unlinkSync(DISK);
  return answer.success ? 0 : 3;
}

// How our sale stands. It is asked for, never made again: the card session is gone. Only NOT_FOUND of a get says that it was not accepted;
// after any other error that is not known, and the sale stays on our disk.
async function settle(key) {
  for (const milliseconds of [5000, 0]) {
    const answer = await insist("GET", SALES + encodeURIComponent(key)).catch((error) => {
      if (error.code !== "NOT_FOUND") throw error;
    });
    if (answer) return finish(key, answer);
    await pause(milliseconds); // it may still be on its way; asked twice, it was never accepted
  }
  return forget(key);
}

function forget(key) {
  console.error(`the agent has not accepted ${key}: no money was taken by it`);
  fs.unlinkSync(DISK);
  return 5;
}

// The sale that our disk has lost, if it has: the till's last one, when its end was not confirmed.
async function forgotten() {
  const last = await insist("GET", `${TILL}/operations/last`).catch((error) => {
    if (error.code !== "NOT_FOUND") throw error; // the till has none yet
  });
  return last && !last.confirmed ? last : null;
}

async function main(orderId) {
  if (fs.existsSync(DISK)) {
    console.error("the sale on the disk is finished first");
    return settle(JSON.parse(fs.readFileSync(DISK, "utf8")).key);
  }
  const last = await forgotten();
  if (last) {
    console.error("the till's last sale is finished first");
    store({ key: last.key });
    return finish(last.key, last);
  }
  if (!orderId) {
    console.error("usage: sale_http.js ORDER");
    return 2;
  }
  const [session, token] = fs.readFileSync(0, "utf8").split(/\s+/);
  const milk = { name: "Milk", article: "100300", price: 9000, quantity: 3, totalAmount: 27000, tax: "vat10" };
  return sell({ orderId, totalAmount: 27000, items: [milk] }, session, token);
}

main(process.argv[2])
  .catch((error) => {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    return 4;
  })
  .then((status) => process.exit(status));
