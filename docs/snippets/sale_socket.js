// A sale over the Unix socket: JavaScript, Node.js 18 or newer, no packages.
//
// Was run: against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this program killed in
// the middle.
//
//     printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | node sale_socket.js
//
// On standard input: what Koshelek's card library has made of the customer's code, and the till's token. They are secrets: never store
// them, never put them on a command line. Started again after a crash, the program finishes the sale that its disk holds, and needs no input.
"use strict";
const fs = require("node:fs");
const net = require("node:net");
const readline = require("node:readline");

const SOCKET = process.env.AGENT_SOCKET || "/run/koshelek-agent/pos.sock";
const PLACE = { storeId: "S12", terminalId: "till-03" };
const DISK = "open-sale.json"; // the register's own disk
const REPEAT = ["BUSY", "DISK_FULL", "INTERNAL"]; // errors that leave it open: the same request again

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// The agent understood the request and refused it: nothing was stored, nothing was sent.
class Refused extends Error {
  constructor(error) {
    super(`${error.data.code}: ${error.message}`);
    this.code = error.data.code;
  }
}

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
      const asked = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if (asked) clearTimeout(asked.alarm);
      if (asked && answer.error) asked.fail(new Refused(answer.error));
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
  for (;;) {
    try {
      connection = connection || new Connection();
      return await connection.ask((number += 1), method, params);
    } catch (error) {
      if (error instanceof Refused && !REPEAT.includes(error.code)) throw error;
      console.error("no answer, asking again:", error.message);
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
}

async function sell(bill, cardSession, token) {
  const key = `${bill.orderId}-${Math.floor(Date.now() / 1000)}`; // a new wish to take money is a new key
  store({ key, bill }); // before anything is sent
  const user = { loyaltyId: "2900000012345" };
  return finish(key, await insist("checkout.create", { key, checkoutInvoice: bill, user, cardSession, token }));
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

// Our disk holds an open sale. It is asked for, never made again: the card session is gone.
async function afterRestart() {
  const { key } = JSON.parse(fs.readFileSync(DISK, "utf8"));
  for (const milliseconds of [5000, 0]) {
    try {
      return await finish(key, await insist("checkout.get", { key }));
    } catch (error) {
      if (error.code !== "NOT_FOUND") throw error;
      await pause(milliseconds); // it may still be on its way; asked twice, it was never accepted
    }
  }
  fs.unlinkSync(DISK);
  return 3;
}

async function main() {
  if (fs.existsSync(DISK)) return afterRestart();
  const [session, token] = fs.readFileSync(0, "utf8").split(/\s+/);
  const milk = { name: "Milk", article: "100300", price: 9000, quantity: 3, totalAmount: 27000, tax: "vat10" };
  return sell({ orderId: "S12-000345", totalAmount: 27000, items: [milk] }, session, token);
}

main().then((status) => process.exit(status));
