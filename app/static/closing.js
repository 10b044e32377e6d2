// The dialogue that asks for an outcome and a note.

import { byId, html } from "./dom.js";
import { OUTCOMES } from "./words.js";

const MOST_NOTE = 2_000;
let settle = null;

const title = html("h2", { id: "closing-title" });
const options = Object.entries(OUTCOMES).map(([name, { key, name: word, meaning }]) => {
  const radio = html("input", { type: "radio", name: "outcome", value: name, id: `outcome-${name}`, required: true, ariaKeyShortcuts: key });
  return html("p", { className: "choice" }, radio, " ", html("label", { htmlFor: `outcome-${name}` }, word, html("kbd", { ariaHidden: "true", textContent: key })), html("span", { className: "note", textContent: meaning }));
});
const note = html("textarea", { id: "closing-note", rows: 3, maxLength: MOST_NOTE });
note.setAttribute("aria-describedby", "closing-note-note");
const cancel = html("button", { type: "button", textContent: "Cancel" });
const form = html("form", { method: "dialog" },
  title,
  html("fieldset", {}, html("legend", { textContent: "What was it?" }), ...options),
  html("div", { className: "field" }, html("label", { htmlFor: "closing-note", textContent: "Note (optional)" }), note,
    html("p", { className: "note", id: "closing-note-note", textContent: "Personal data in it is masked before it is kept." })),
  html("div", { className: "actions" }, html("button", { type: "submit", className: "primary", textContent: "Close" }), cancel));
byId("closing").append(form);

/** Asks for what the alerts named in `what` came to. Gives `{ outcome, note }`, or null where it was called off. */
export function ask(what) {
  title.textContent = `Close ${what}`;
  form.reset();
  byId("closing").showModal();
  options[0].querySelector("input").focus();
  return new Promise((resolve) => (settle = resolve));
}

function end(given) {
  settle?.(given);
  settle = null;
  if (byId("closing").open) byId("closing").close();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  end({ outcome: form.elements.outcome.value, note: note.value.trim() });
});
cancel.addEventListener("click", () => end(null));
byId("closing").addEventListener("close", () => end(null));
form.addEventListener("keydown", (event) => {
  if (event.target === note) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const named = Object.keys(OUTCOMES).find((name) => OUTCOMES[name].key === event.key);
  if (!named) return;
  byId(`outcome-${named}`).checked = true;
  byId(`outcome-${named}`).focus();
});
