// The page's own script. It knows nothing about payments: buttons and forms name the request they make, and the stream says which rows
// of which list are new. Rows come from the server as finished, escaped HTML.
"use strict";

const SILENCE_MS = 30000; // three missed signs of life: the connection is dead, whatever the browser thinks
const AGAIN_MS = 1000; // after an answer that is no stream; lost connections the browser repeats by itself
const element = (id) => document.getElementById(id);
const texts = element("texts").dataset;
const code = new URLSearchParams(location.search).get("code");

// --- rows ---

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function keepOpen(before, fresh) {
  for (const open of before.querySelectorAll("details[open]")) {
    const same = fresh.querySelector("#" + CSS.escape(open.id));
    if (same) same.open = true;
  }
}

function renew(before, fresh) {
  keepOpen(before, fresh);
  if (before.isEqualNode(fresh)) return before;
  const focused = before.contains(document.activeElement) ? document.activeElement : null;
  before.replaceWith(fresh);
  if (focused) (counterpart(focused, fresh) || heading(fresh)).focus();
  return fresh;
}

function counterpart(focused, fresh) {
  if (focused.dataset.call) return [...fresh.querySelectorAll("[data-call]")].find((one) => one.dataset.call === focused.dataset.call);
  const details = focused.closest("details");
  return details && fresh.querySelector("#" + CSS.escape(details.id) + " > summary");
}

function heading(inside) {
  return inside.closest("section")?.querySelector("h2") || element("main");
}

function remove(row) {
  const title = row.contains(document.activeElement) ? heading(row) : null;
  row.remove();
  title?.focus();
}

function apply(regionId, { order, rows }) {
  const region = element(regionId);
  if (!region) return;
  const wanted = new Set(order);
  for (const row of [...region.children]) if (!wanted.has(row.id)) remove(row);
  let place = region.firstElementChild;
  for (const id of order) {
    let row = element(id);
    if (rows[id] !== undefined) row = row ? renew(row, parse(rows[id])) : parse(rows[id]);
    if (!row) continue;
    if (place && place.id === id) place = row.nextElementSibling;
    else region.insertBefore(row, place);
  }
}

// --- the stream ---

let source = null;
let silence = 0;
let again = 0;

function show(live, text) {
  document.body.classList.toggle("offline", !live);
  if (element("link").textContent !== text) element("link").textContent = text;
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(connect, SILENCE_MS);
  show(true, texts.live);
}

function connect() {
  clearTimeout(again);
  clearTimeout(silence);
  source?.close();
  source = new EventSource("events" + location.search);
  source.addEventListener("tick", heard);
  source.addEventListener("update", (event) => {
    for (const [region, change] of Object.entries(JSON.parse(event.data))) apply(region, change);
    heard();
  });
  source.addEventListener("error", (event) => {
    clearTimeout(silence);
    show(false, texts.lost);
    if (event.target.readyState === EventSource.CLOSED) again = setTimeout(refused, AGAIN_MS);
  });
}

// An answer that was no stream: too many pages, or a new sandbox with a new access code.
async function refused() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.status === 403) return show(false, texts.code);
  } catch {
    // still no connection: try again
  }
  connect();
}

// A page that nobody looks at needs no stream.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") return connect();
  clearTimeout(silence);
  clearTimeout(again);
  source?.close();
});

// --- acting ---

const busy = new WeakSet();

function say(done, failed) {
  element("said").textContent = done;
  element("failed").textContent = failed;
}

async function act(origin, body) {
  if (busy.has(origin)) return false; // the second tap of an impatient finger
  busy.add(origin);
  say("", "");
  const [method, path] = origin.dataset.call.split(" ");
  const headers = code ? { "X-Access-Code": code } : {};
  try {
    const answer = await fetch(path, { method, headers, body });
    const problem = answer.ok ? "" : await reason(answer);
    say(answer.ok ? texts.done : "", problem);
    return answer.ok;
  } catch {
    say("", texts.failed + " " + texts.lost);
    return false;
  } finally {
    busy.delete(origin);
  }
}

async function reason(answer) {
  if (answer.status === 409 || answer.status === 404) return texts.failed + " " + texts.late;
  const told = await answer.json().catch(() => ({}));
  return texts.failed + " " + (told.error || answer.status);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-call]");
  if (button) act(button, button.dataset.body);
});

// --- forms ---

function value(field) {
  if (field.dataset.json === "boolean") return field.checked;
  if (field.value === "") return undefined;
  if (field.dataset.json === "number") return field.dataset.scale ? Math.round(field.valueAsNumber * field.dataset.scale) : field.valueAsNumber;
  return field.value;
}

function collect(form) {
  const body = {};
  for (const field of form.querySelectorAll("[name]:enabled")) {
    const [name, inner] = field.name.split(".");
    const found = value(field);
    if (found === undefined) continue;
    if (inner) (body[name] ??= {})[inner] = found;
    else body[name] = found;
  }
  for (const tick of form.querySelectorAll("[data-null]:checked")) body[tick.dataset.null] = null;
  return body;
}

function choose(form) {
  const kind = form.querySelector("[name=kind]");
  for (const fields of form.querySelectorAll("fieldset[data-kind]")) {
    fields.hidden = fields.disabled = fields.dataset.kind !== kind.value;
  }
}

for (const form of document.querySelectorAll("form[data-call]")) {
  if (form.querySelector("[name=kind]")) {
    form.addEventListener("change", () => choose(form));
    choose(form);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, JSON.stringify(collect(form)));
  });
}

connect();
