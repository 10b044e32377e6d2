// Single keys that act on the queue, where nobody is typing, and the list of them. They can be switched off.

import { byId, html } from "./dom.js";

const OFF = "orderguard-keys-off";
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
let table = [];

/** Listens for the keys of `keys`, a list of `[keys, words, act]`, while `active()`. */
export function listen(keys, active) {
  table = keys;
  document.addEventListener("keydown", (event) => {
    if (!active() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches(TYPING)) {
      if (event.key === "Escape") table.find(([names]) => names.includes("Escape"))[2](event);
      return;
    }
    const inGrid = event.target.closest("#alerts tbody tr") && event.target.matches("tr");
    const found = table.find(([names]) => names.includes(event.key));
    if (!found || (event.key.length === 1 && off()) || (GRID_ONLY.includes(event.key) && !inGrid)) return;
    event.preventDefault();
    found[2](event);
  });
}

// What a browser does with these elsewhere is left to it.
const GRID_ONLY = ["ArrowDown", "ArrowUp", "Enter", " "];
const NAMES = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc", " ": "Space" };

const off = () => localStorage.getItem(OFF) !== null;

/** Shows the list of keys. */
export function help() {
  const rows = table.map(([keys, words]) => html("tr", {}, html("th", { scope: "row" }, ...keys.map((key) => html("kbd", { textContent: NAMES[key] ?? key }))), html("td", { textContent: words })));
  const heads = ["Key", "What it does"].map((text) => html("th", { scope: "col", textContent: text }));
  const box = html("input", { type: "checkbox", id: "keys-on", checked: !off() });
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes")));
  const done = html("button", { type: "button", className: "primary", textContent: "Done" });
  done.addEventListener("click", () => byId("keys").close());
  byId("keys").replaceChildren(
    html("h2", { id: "keys-title", textContent: "Keys" }),
    html("table", {}, html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...rows)),
    html("p", { className: "note", textContent: "While closing: g, m, f, o choose the outcome, Enter closes. Arrows, Enter and Space act where a row of the queue has the focus." }),
    html("p", { className: "choice" }, box, " ", html("label", { htmlFor: "keys-on", textContent: "Single letters are shortcuts" })),
    html("div", { className: "actions" }, done));
  byId("keys").showModal();
  done.focus();
}
