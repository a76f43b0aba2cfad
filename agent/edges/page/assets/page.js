// The status page's own script. It knows nothing about payments: forms name the method of the desk that they mean, and what comes back is
// finished, escaped HTML. The word that lets an operator act is kept here, for this tab and this origin alone, and goes nowhere by itself.
import { connect, element, parse, texts } from "./live.js";

const KEY = "koshelek-page-key";
const REFUSED = [401, 403];

function say(said, failed) {
  element("said").textContent = said;
  element("failed").textContent = failed;
  if (failed) element("failed").scrollIntoView({ block: "nearest" });
}

// --- who is there ---

function signed() {
  const inside = sessionStorage.getItem(KEY) !== null;
  if (element("sign-in")) element("sign-in").hidden = inside;
  if (element("sign-out")) element("sign-out").hidden = !inside;
}

function forget() {
  sessionStorage.removeItem(KEY);
  signed();
}

async function signIn(form) {
  const token = form.elements.token.value.trim();
  form.elements.token.value = "";
  let answer;
  try {
    answer = await fetch(form.dataset.pass, { method: "POST", headers: { Authorization: "Bearer " + token } });
  } catch {
    return say("", texts.failed + " " + texts.lost);
  }
  if (REFUSED.includes(answer.status)) return say("", texts.wrong);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return say("", texts.failed + " " + (told.detail || answer.status));
  sessionStorage.setItem(KEY, told.key);
  if (!element("step")) return location.reload(); // nothing could be seen before
  signed();
  element("sign-in").open = false;
  say(texts.in, "");
  element("operator")?.focus();
}

async function signOut() {
  const form = element("sign-in-form");
  await fetch(form.dataset.pass, { method: "POST", headers: { "X-Page-Key": sessionStorage.getItem(KEY) || "" } }).catch(() => null);
  forget();
  say(texts.out, "");
  element("operator")?.focus();
}

// --- acting ---

function collect(form) {
  const params = JSON.parse(form.dataset.params);
  for (const field of form.querySelectorAll("input[name]")) {
    const text = field.value.trim();
    if (!text) continue;
    const [name, inner] = field.name.split(".");
    if (inner) (params[name] ??= {})[inner] = text;
    else params[name] = text;
  }
  return { method: form.dataset.method, params };
}

function put(html) {
  const fresh = parse(html);
  element(fresh.id).replaceWith(fresh);
  fresh.querySelector("[tabindex]")?.focus();
  fresh.scrollIntoView({ block: "nearest" });
}

const busy = new WeakSet();

async function send(origin, path, headers, body) {
  if (busy.has(origin)) return; // the second tap of an impatient finger
  busy.add(origin);
  say(texts.working, "");
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      forget();
      say("", texts.needed);
      element("sign-in").open = true;
      return element("sign-in-form").elements.token.focus();
    }
    if (!answer.ok) return say("", texts.failed + " " + (told.error || told.detail || answer.status));
    say("", "");
    put(told.html);
  } catch {
    say("", texts.failed + " " + texts.lost);
  } finally {
    busy.delete(origin);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.pass) {
    event.preventDefault();
    signIn(form);
  } else if (form.dataset.act) {
    event.preventDefault();
    send(form, form.dataset.act, { "X-Page-Key": sessionStorage.getItem(KEY) || "" }, JSON.stringify(collect(form)));
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "sign-out") signOut();
  else if (button.dataset.print !== undefined) print();
  else if (button.dataset.examine) send(button, button.dataset.examine, {}, "{}");
  else if (button.dataset.leave !== undefined) {
    element("step").replaceChildren();
    element("operator")?.focus();
  }
});

signed();
if (document.body.dataset.stream) connect(document.body.dataset.stream);
