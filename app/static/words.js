// What the desk says of alerts, in words.

/** What is said where there is no alert of a state. */
export const EMPTY = {
  new: "No alert waits. New ones come as orders are scored.",
  mine: "You have taken no alert. Take one with t.",
  taken: "Nobody else has taken one.",
  closed: "No alert is closed yet.",
};

/** The outcomes, in the order in which they are asked for, each with its key. */
export const OUTCOMES = {
  genuine: { key: "g", name: "Genuine", meaning: "a real order of a real customer" },
  mistake: { key: "m", name: "Mistake", meaning: "an error in the order, such as a wrong price or quantity" },
  fraud: { key: "f", name: "Fraud", meaning: "the order was not meant honestly" },
  other: { key: "o", name: "Other", meaning: "none of these; it does not count" },
};

export const outcome = (name) => OUTCOMES[name]?.name.toLowerCase() ?? name;

/** An amount with its currency, without pennies that nobody looks at in a list. */
export const amount = (value, currency) => (value === null ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 })} ${currency}`);

/** The order's id as the shop knows it; one whose key is gone has none. */
export const named = ({ order_id, placed_at }) => order_id ?? `order of ${placed_at.slice(0, 10)}`;

/** Who decided that it is an alert. */
export function decided({ decided_by, model_version }) {
  const [kind, name] = decided_by.split(/:(.*)/);
  return name ? `the ${kind} ${name} beside model ${model_version}` : `model ${model_version}`;
}

const STEPS = [[86_400, "d"], [3_600, "h"], [60, "min"]];

/** How long ago a moment was: "3 h". */
export function age(moment, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1_000);
  const [step, unit] = STEPS.find(([least]) => seconds >= least) ?? [];
  return step ? `${Math.floor(seconds / step)} ${unit}` : "now";
}

/** A moment on the reader's own clock: "2026-05-05, 03:41". */
export function clock(moment) {
  const at = new Date(moment), two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}, ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Where an alert stands: "taken by Anna", "fraud, by Ben". */
export function stands({ state, mine, taken_by, closed_by, outcome: came }) {
  if (state === "closed") return `${outcome(came)}, by ${closed_by}`;
  return state === "taken" ? (mine ? "yours" : `taken by ${taken_by}`) : "waits";
}

/** Who was first, and when. */
export function first(row) {
  if (row.state === "closed") return `${row.closed_by} closed ${named(row)} as ${outcome(row.outcome)}, ${clock(row.closed_at)}.`;
  return row.taken_by ? `${row.taken_by} took ${named(row)}, ${clock(row.taken_at)}.` : `${named(row)} is taken by nobody.`;
}
