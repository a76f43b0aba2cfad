// A sale over the Unix socket: JavaScript, Node.js 18 or newer, no packages.
//
// Was run: against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this program killed in
// the middle.
//
//     printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | node sale_socket.js S12-000345
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
const net = require("node:net");
const readline = require("node:readline");

const SOCKET = process.env.AGENT_SOCKET || "/run/koshelek-agent/pos.sock";
const PLACE = { storeId: "S12", terminalId: "till-03" };
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

// The error's own message is the programmer's.
const refusal = ({ data, message }) => new Refused(data.code, data.message || message);

// One connection. Answers may come in any order: their id says whose they are.
class Connection {
  constructor() {
    this.waiting = new Map();
    this.socket = net.connect(SOCKET);
    this.socket.on("error", () => {}); // "close" follows
    this.socket.on("close", () => {
      for (const { fail, alarm } of this.waiting.values()) {
        clearTimeout(alarm);
        fail(new Error("the connection is lost"));
      }
      this.waiting.clear();
    });
    const lines = readline.createInterface({ input: this.socket });
    lines.on("error", () => {});
    lines.on("line", (line) => {
      const answer = JSON.parse(line);
      const id = answer.id === null ? number : answer.id; // null: the connection itself is refused
      const asked = this.waiting.get(id);
      this.waiting.delete(id);
      if (asked) clearTimeout(asked.alarm);
      if (asked && answer.error) asked.fail(refusal(answer.error));
      else if (asked) asked.done(answer.result);
    });
  }

  ask(id, method, params) {
    return new Promise((done, fail) => {
      if (this.socket.destroyed) return fail(new Error("the connection is lost"));
      const alarm = setTimeout(() => this.socket.destroy(), 15000); // the longest wait, and ten seconds more
      this.waiting.set(id, { done, fail, alarm });
      this.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...PLACE, ...params } })}\n`);
    });
  }
}

let connection = null;
let number = 0;

// After any doubt the same request again, with the same key, on a new connection. Nothing is done twice.
async function insist(method, params) {
  for (let doubt = false; ; doubt = true) {
    try {
      connection = connection || new Connection();
      return await connection.ask((number += 1), method, params);
    } catch (error) {
      if (error instanceof Refused && !REPEAT.includes(error.code)) throw Object.assign(error, { doubt });
      console.error(error instanceof Refused ? "not now, asking again:" : "no answer, asking again:", error.message);
      connection.socket.destroy();
      connection = null;
    }
    await pause(1000);
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
  const user = { loyaltyId: "2900000012345" };
  let answer;
  try {
    answer = await insist("checkout.create", { key, checkoutInvoice: bill, user, cardSession, token });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    if (error.code === "INVALID" && !error.doubt) return forget(key); // sent once, and it was no request: nothing can have been accepted
    return settle(key); // this request was refused; one before it, whose answer was lost, may have been accepted
  }
  return finish(key, answer);
}

async function finish(key, answer) {
  while (!answer.finished && answer.next === "poll") {
    console.error(answer.message); // the cashier's screen; a button there may send checkout.cancel
    answer = await insist("checkout.get", { key, wait: 1 });
  }
  if (!answer.finished) {
    console.error(answer.message); // next: person. Do not take the money again
    return 4;
  }
  store({ key, answer });
  console.log(answer.success ? answer.slip.text["42"] : answer.message); // the printer
  await insist("checkout.confirm", { key });
  fs.unlinkSync(DISK);
  return answer.success ? 0 : 3;
}

// How our sale stands. It is asked for, never made again: the card session is gone. Only NOT_FOUND of a get says that it was not accepted;
// after any other error that is not known, and the sale stays on our disk.
async function settle(key) {
  for (const milliseconds of [5000, 0]) {
    const answer = await insist("checkout.get", { key }).catch((error) => {
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
  const last = await insist("operation.last", {}).catch((error) => {
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
    console.error("usage: sale_socket.js ORDER");
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
