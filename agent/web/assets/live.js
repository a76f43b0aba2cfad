// What the live pages share: the stream says which rows of which region are new, and this puts them in place. Rows come from the server as
// finished, escaped HTML. It knows nothing of what is on a page; what it has to say to people stands in the page's element "texts".

const SILENCE_MS = 30000; // three missed signs of life: the connection is dead, whatever the browser thinks
const AGAIN_MS = 1000; // after an answer that is no stream; lost connections the browser repeats by itself
export const element = (id) => document.getElementById(id);
export const texts = element("texts").dataset;

// --- rows ---

export function parse(html) {
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
  if (focused.href) return [...fresh.querySelectorAll("a[href]")].find((one) => one.href === focused.href);
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

let address = null;
let source = null;
let silence = 0;
let again = 0;

function show(live, text) {
  document.body.classList.toggle("offline", !live);
  if (element("link").textContent !== text) element("link").textContent = text;
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(open, SILENCE_MS);
  show(true, texts.live);
}

function open() {
  clearTimeout(again);
  clearTimeout(silence);
  source?.close();
  source = new EventSource(address);
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

// An answer that was no stream: too many pages, or the page is not let in any more.
async function refused() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) return show(false, texts.shut);
  } catch {
    // still no connection: try again
  }
  open();
}

// Keep the page as its server has it, from now on.
export function connect(url) {
  address = url;
  // A page that nobody looks at needs no stream.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") return open();
    clearTimeout(silence);
    clearTimeout(again);
    source?.close();
  });
  open();
}
