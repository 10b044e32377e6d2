// One alert: why it is one, the order, what else is known, and what happened to it.

import { one } from "./alerts.js";
import { beside, byId, html, table } from "./dom.js";
import { reasonsOf, theOrder, verdictOf } from "./order.js";
import { amount, clock, decided, named, outcome, stands } from "./words.js";

let asking = null;
let shown = null;

/** The row of the alert that is shown, or null. */
export const current = () => shown;

/** Shows an alert: by its row at once, where there is one, and then as the service tells it. `acts(row)` are its buttons, as `[verb, key, words, act]`. */
export async function show(id, row, acts, failed) {
  asking?.abort();
  const mine = (asking = new AbortController());
  shown = row ?? { id };
  byId("desk").classList.add("open");
  byId("alert").hidden = false;
  const wait = html("p", { className: "note", textContent: "The order is on its way." });
  byId("alert").replaceChildren(...(row ? head(row, acts) : [html("h2", { id: "alert-title", tabIndex: -1, textContent: "An alert" })]), wait);
  byId("alert").scrollTop = 0;
  toTitle();
  try {
    const found = await one(id, mine.signal);
    shown = found.alert;
    byId("alert").replaceChildren(...head(found.alert, acts), ...body(found));
    toTitle();
  } catch (error) {
    if (mine.signal.aborted) return;
    hide();
    failed(error);
  }
}

/** Hides the alert. Gives whether there was one. */
export function hide() {
  asking?.abort();
  const was = shown !== null;
  shown = null;
  byId("desk").classList.remove("open");
  byId("alert").hidden = true;
  byId("alert").replaceChildren();
  return was;
}

function toTitle() {
  byId("alert-title").focus({ preventScroll: true });
  byId("alert").scrollIntoView({ block: "nearest" });
}

function head(row, acts) {
  const button = ([verb, key, words, act]) => {
    const node = html("button", { type: "button", className: verb === "close" ? "primary" : "" }, words, html("kbd", { ariaHidden: "true", textContent: key }));
    node.setAttribute("aria-keyshortcuts", key);
    node.addEventListener("click", act);
    return node;
  };
  const where = stands(row);
  return [
    html("h2", { id: "alert-title", tabIndex: -1, textContent: `${named(row)} scored ${row.score.toFixed(3)}` }),
    html("p", { textContent: `${amount(row.value, row.currency)} at risk. ${where.charAt(0).toUpperCase()}${where.slice(1)}. Made ${clock(row.made_at)}, decided by ${decided(row)}.` }),
    html("div", { className: "actions" }, ...acts(row).map(button)),
  ];
}

const section = (title, ...content) => [html("h3", { textContent: title }), ...content];
const nothing = (text) => html("p", { className: "note", textContent: text });

function body({ alert, note, answer, order, lines, customer_orders, device_orders, similar, similar_note, events }) {
  return [
    html("p", { className: "verdict-text", textContent: verdictOf(answer) }),
    ...(note ? section("Note", html("p", { textContent: note })) : []),
    ...section("Reasons", html("ol", { className: "reasons" }, ...reasonsOf(answer))),
    ...(answer.rules?.length ? section("Rules and lists that it meets", html("ul", {}, ...answer.rules.map(met))) : []),
    ...theOrder({ order, lines }),
    ...section("Recent orders of this customer", recent(customer_orders)),
    ...section("Recent orders with this device", recent(device_orders)),
    ...section("Similar cases", similar.length ? alike(similar) : nothing(similar_note || "No past case is alike enough to be shown.")),
    ...section("What happened to this alert", html("ol", { className: "events" }, ...events.map((event) => happened(event, alert)))),
  ];
}

const met = ({ name, action, mode, reason }) => html("li", { textContent: `${name} ${mode === "shadow" ? `only watches, and would ${action} it` : `${action}s it`}: ${reason}` });
const day = (moment) => moment.slice(0, 10);
const link = (id, text) => (id ? html("a", { href: `#/queue/${encodeURIComponent(id)}`, textContent: text }) : text);

function recent(orders) {
  if (orders.length === 0) return nothing("None is known.");
  return table("", ["Placed", "Worth", "Customer", "Score", "Outcome"], orders.map((order) => [
    link(order.alert, clock(order.placed_at)), amount(order.value, order.currency), order.this_customer ? "this one" : "another one",
    order.score === null ? "no alert" : order.score.toFixed(3), order.outcome ? outcome(order.outcome) : order.state ? "open" : "–",
  ]));
}

function alike(cases) {
  return table("", ["Case", "Likeness", "Score", "Outcome", "Reasons that it shares"], cases.map((one) => [
    link(one.alert, `${one.order}, ${day(one.placed_at)}`), one.similarity.toFixed(2), one.score.toFixed(3), one.outcome ? outcome(one.outcome) : "–",
    one.reasons.length ? one.reasons.map((text) => html("p", { textContent: text })) : "None.",
  ]));
}

function happened({ at, who, what, outcome: came, note, source }) {
  const told = `${clock(at)} ${what}${came ? ` as ${outcome(came)}` : ""}${who ? ` by ${who}` : ""}${source && source !== "desk" ? `, from ${source}` : ""}`;
  return html("li", {}, told, ...beside(note));
}
