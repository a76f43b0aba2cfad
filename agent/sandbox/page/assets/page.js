// The page's own script. It knows nothing about payments: buttons and forms name the request they make.
import { connect, element, texts } from "./live.js";

const code = new URLSearchParams(location.search).get("code");

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

connect("events" + location.search);
