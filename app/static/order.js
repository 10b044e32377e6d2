// One order: its reasons in words, its place among the reference orders, and the order itself as masking leaves it.

import { post, ServiceError } from "./api.js";
import { meter, placeChart } from "./charts.js";
import { beside, byId, facts, html, say, table } from "./dom.js";

const MOST_LINES = 100;
const CHART_WIDTH = 460; // on a narrow screen less, so that the words in a chart keep their size
const HISTORY = {
  used: "The customer’s earlier orders were used.",
  absent: "No earlier order of this customer is known.",
  unavailable: "The history store was away, so earlier orders were not used.",
};
let chosen = null;
let asking = null;

/** Shows a scored order: at once what its answer says, and then what the service tells of it. */
export async function showOrder({ answer, text }, model) {
  asking?.abort();
  const mine = (asking = new AbortController());
  chosen = answer;
  const order = JSON.parse(text);
  say("detail-title", `Why ${answer.order_id} scored ${answer.score.toFixed(3)}`);
  byId("detail").hidden = false;
  showAnswer(answer);
  byId("order").replaceChildren();
  showPlace(model);
  byId("detail-title").focus();
  byId("detail").scrollIntoView({ block: "nearest" });
  byId("ask").dispatchEvent(new CustomEvent("order-chosen", { bubbles: true, detail: { answer, order } }));
  try {
    const told = await (await post("/v1/explain", order, mine.signal)).json();
    // An anomaly has its own, and an order that was only looked at may have seen more than is known of it afterwards.
    if (!answer.anomaly) showAnswer({ ...answer, place: told.answer.place, reasons: told.answer.reasons });
    byId("order").replaceChildren(...theOrder(told));
  } catch (error) {
    if (mine.signal.aborted) return;
    if (!(error instanceof ServiceError)) throw error;
    byId("order").replaceChildren(html("p", { className: "message", textContent: `The order itself can’t be shown. ${error.message}` }));
  }
}

/** Hides the order that is shown. */
export function hideOrder() {
  asking?.abort();
  chosen = null;
  byId("detail").hidden = true;
}

function showAnswer(answer) {
  say("detail-text", `${verdictOf(answer)}${byRule(answer)}`);
  byId("reasons").replaceChildren(...reasonsOf(answer));
}

const byRule = ({ decided_by }) => (decided_by && decided_by !== "model" ? ` Decided by the ${decided_by.replace(":", " ")}.` : "");

/** What came of an order, in words. */
export function verdictOf(answer) {
  const verdict = answer.anomaly ? "An anomaly" : "As usual, not an anomaly";
  const place = answer.place ? `, ${answer.place}` : "";
  return `${verdict}${place}. Orders are anomalies from ${answer.threshold.toFixed(3)} on. ${HISTORY[answer.history]}`;
}

/** The reasons as items of a list, each with its share of the score. */
export function reasonsOf(answer) {
  if (answer.reasons.length === 0 && !answer.anomaly) return [html("li", { textContent: "Nothing about this order adds to its score." })];
  return answer.reasons.map((reason) => html("li", {}, html("p", { textContent: reason.text }), ...(reason.contribution ? [bar(reason, answer)] : [])));
}

function bar(reason, answer) {
  const share = reason.contribution / Math.max(answer.score, 1e-9);
  return html("p", { className: "note" }, meter(share, answer.anomaly), `${Math.round(share * 100)} % of the score`);
}

/** Shows where the chosen order's score lies, once the model is known. */
export function showPlace(model) {
  if (!chosen) return;
  if (!model) byId("place").replaceChildren(html("p", { className: "note", textContent: "The distribution is on its way." }));
  else byId("place").replaceChildren(placeChart(model.score_distribution, chosen.score, chosen.threshold, Math.min(byId("place").clientWidth, CHART_WIDTH)));
}

/** The order as masking leaves it, and its lines beside what is usual. */
export function theOrder({ order, lines }) {
  const money = (value) => `${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 4 })} ${order.currency}`;
  const list = facts([
    ["Placed", moment(order.created_at)],
    ["Through", order.channel],
    ["Worth", money(order.value) + (order.discount ? `, after ${money(order.discount)} off the order` : "") + (order.coupon ? ", with a coupon" : "")],
    ["Paid by", [order.payment_method, order.card_country && `issued in ${order.card_country}`].filter((text) => text).join(", ")],
    ["Billed to", place(order.billing)],
    ["Sent to", place(order.shipping)],
    ["The two", together(order)],
    ["Shipping", [order.shipping_method, order.shipping_cost !== null && money(order.shipping_cost)].filter((text) => text).join(", ")],
    ["Account since", order.customer_since && order.customer_since.slice(0, 10)],
  ]);
  const rows = lines.slice(0, MOST_LINES).map((line) => [line.sku, line.category ?? "–",
    [line.quantity.toLocaleString("en"), ...beside(line.quantity_in_words)],
    [money(line.unit_price), ...beside(line.price_in_words)]]);
  const listed = table(lines.length === 1 ? "1 line" : `${lines.length} lines`, ["Article", "Category", "Pieces", "Price"], rows);
  const more = lines.length > MOST_LINES ? [html("p", { className: "note", textContent: `The first ${MOST_LINES} of ${lines.length} lines are shown.` })] : [];
  return [html("h3", { textContent: "The order" }), html("p", { className: "note", textContent: "As masking leaves it: no name, no street, no contact." }), list, listed, ...more];
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

// An order's own local time, whatever the reader's is.
function moment(text) {
  const [day, clock, offset] = [text.slice(0, 10), text.slice(11, 16), text.replace(/^.{19}(\.\d+)?/, "")];
  return `${DAYS[new Date(`${day}T12:00:00Z`).getUTCDay()]}, ${day}, ${clock} ${offset === "Z" || offset === "+00:00" ? "UTC" : `local time (UTC${offset})`}`;
}

function place(address) {
  return address && (address.region ?? address.country);
}

function together({ same_address: address, same_addressee: addressee }) {
  const said = [address === null ? "" : address ? "one address" : "two addresses", addressee === null ? "" : addressee ? "one name" : "two names"];
  return said.filter((text) => text).join(", ");
}
