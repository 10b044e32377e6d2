// What the queue is narrowed to: search, order, and filters by what there is.

import { choices } from "./alerts.js";
import { byId, html } from "./dom.js";
import { focus, want } from "./queue.js";
import { OUTCOMES } from "./words.js";

const OFFERED = { reason: ["Main reason", "facts"], country: ["Country", "countries"], channel: ["Channel", "channels"], model_version: ["Model version", "model_versions"], decided_by: ["Decided by", "decided_by"] };

/** Offers to filter by what the service has. */
export async function offer() {
  const found = await choices();
  for (const [name, [, list]] of Object.entries(OFFERED)) fill(name, found[list]);
}

function fill(name, values) {
  const field = byId(`filter-${name}`), before = field.value;
  const offered = before === "" || values.includes(before) ? values : [before, ...values];
  field.replaceChildren(any(), ...offered.map((value) => html("option", { value, textContent: value.replaceAll("_", " ") })));
  field.value = before;
}

const any = () => html("option", { value: "", textContent: "any" });
const select = (name, label, options = [any()]) => html("p", {}, html("label", { htmlFor: `filter-${name}`, textContent: label }), html("select", { id: `filter-${name}` }, ...options));
const day = (name, label) => html("p", {}, html("label", { htmlFor: `filter-${name}`, textContent: label }), html("input", { type: "date", id: `filter-${name}` }));
const outcomes = [any(), ...Object.entries(OUTCOMES).map(([value, { name }]) => html("option", { value, textContent: name.toLowerCase() }))];

byId("filters").append(...Object.entries(OFFERED).map(([name, [label]]) => select(name, label)), select("outcome", "Outcome", outcomes), day("from", "From"), day("to", "Before"));
byId("filters").addEventListener("change", ({ target }) => {
  byId("filters-more").classList.toggle("narrowed", [...byId("filters").querySelectorAll("select, input")].some((field) => field.value !== ""));
  return want({ [target.id.replace("filter-", "")]: target.value });
});

byId("search").addEventListener("input", () => want({ q: byId("search").value.trim() }));
byId("queue-filter").addEventListener("submit", (event) => {
  event.preventDefault();
  focus();
});
byId("queue-sort").addEventListener("change", () => want({ sort: byId("queue-sort").value }));
