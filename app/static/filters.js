// What the queue is narrowed to: search, order, and filters by what there is.

import { choices } from "./alerts.js";
import { byId, html } from "./dom.js";
import { focus, want } from "./queue.js";
import { OUTCOMES } from "./words.js";

const WAIT = 80;
const OFFERED = { reason: ["Main reason", "facts"], country: ["Country", "countries"], channel: ["Channel", "channels"], model_version: ["Model version", "model_versions"], decided_by: ["Decided by", "decided_by"] };

/** Offers to filter by what the service has. */
export async function offer() {
  const found = await choices();
  for (const [name, [, list]] of Object.entries(OFFERED)) fill(name, found[list]);
}

function fill(name, values) {
  const field = byId(`filter-${name}`), before = field.value;
  field.replaceChildren(html("option", { value: "", textContent: "any" }), ...values.map((value) => html("option", { value, textContent: value.replaceAll("_", " ") })));
  field.value = before;
}

const select = (name, label, options = []) => html("p", {}, html("label", { htmlFor: `filter-${name}`, textContent: label }), html("select", { id: `filter-${name}` }, ...options));
const day = (name, label) => html("p", {}, html("label", { htmlFor: `filter-${name}`, textContent: label }), html("input", { type: "date", id: `filter-${name}` }));
const outcomes = [html("option", { value: "", textContent: "any" }), ...Object.entries(OUTCOMES).map(([value, { name }]) => html("option", { value, textContent: name.toLowerCase() }))];

byId("filters").append(...Object.entries(OFFERED).map(([name, [label]]) => select(name, label)), select("outcome", "Outcome", outcomes), day("from", "From"), day("to", "Before"));
byId("filters").addEventListener("change", ({ target }) => {
  byId("filters-more").classList.toggle("narrowed", [...byId("filters").querySelectorAll("select, input")].some((field) => field.value !== ""));
  return want({ [target.id.replace("filter-", "")]: target.value });
});

let waiting = null;
byId("search").addEventListener("input", () => {
  const start = performance.now();
  clearTimeout(waiting);
  waiting = setTimeout(() => want({ q: byId("search").value.trim() }, start), WAIT);
});
byId("queue-filter").addEventListener("submit", (event) => {
  event.preventDefault();
  focus();
});
byId("queue-sort").addEventListener("change", () => want({ sort: byId("queue-sort").value }));
