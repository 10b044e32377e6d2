// The queue: a page of alerts as a grid, in which one row is at hand and several can be selected.

import { page, PAGE } from "./alerts.js";
import { meter } from "./charts.js";
import { byId, html, say } from "./dom.js";
import { age, amount, EMPTY, named, stands } from "./words.js";

/** What is asked for, by the names of the service's filters. */
export const wanted = { state: "new", sort: "score" };
const shown = { rows: [], total: 0, counts: {}, next: null, at: 0 };
const selected = new Set();
const cursors = [null]; // of the pages up to the shown one
let asking = null;
let open = () => {};
let failed = () => {};
let answered = () => {};

/** Sets what opens an alert, and what is told of an error and once there is an answer again. */
export function begin(opens, fails, answers) {
  open = opens;
  failed = fails;
  answered = answers;
}

/** Forgets what is shown. */
export function clear() {
  asking?.abort();
  cursors.length = 1;
  selected.clear();
  Object.assign(shown, { rows: [], total: 0, counts: {}, next: null, at: 0 });
  render();
  byId("pages").hidden = byId("queue-empty").hidden = true;
}

/** Asks for the page that is wanted and shows it. Gives whether it did: a later question takes this one's place. `start` is when a person asked, by the browser's clock. */
export async function load(start = performance.now()) {
  asking?.abort();
  const mine = (asking = new AbortController());
  byId("alerts").setAttribute("aria-busy", "true");
  try {
    const found = await page(wanted, cursors.at(-1), mine.signal);
    if (found.alerts.length === 0 && cursors.length > 1) {
      cursors.pop();
      return load(start);
    }
    answered();
    const before = atHand()?.id;
    Object.assign(shown, { rows: found.alerts, total: found.total, counts: found.counts, next: found.next });
    const place = shown.rows.findIndex((row) => row.id === before);
    shown.at = place >= 0 ? place : Math.min(shown.at, Math.max(shown.rows.length - 1, 0));
    render();
    requestAnimationFrame(() => {
      // How long the last question took until its answer stood there: for the benchmark, and for who wonders.
      performance.clearMeasures("queue");
      performance.measure("queue", { start });
    });
    return true;
  } catch (error) {
    if (!mine.signal.aborted) failed(error);
    return false;
  } finally {
    if (asking === mine) byId("alerts").removeAttribute("aria-busy");
  }
}

/** The row that the keys act on. */
export const atHand = () => shown.rows[shown.at];

/** The rows that are selected, in the queue's order. */
export const chosen = () => shown.rows.filter((row) => selected.has(row.id));

/** How many match in all. */
export const total = () => shown.total;

/** Moves by one row, over the page's end to the next page. Gives the row that is at hand then. */
export async function move(by) {
  const to = shown.at + by;
  if (to >= 0 && to < shown.rows.length) return reach(to);
  if (by > 0 ? shown.next === null : cursors.length === 1) return atHand();
  await turn(by);
  return reach(by > 0 ? 0 : shown.rows.length - 1);
}

function reach(place) {
  shown.at = place;
  mark();
  rowsOf()[place]?.focus({ preventScroll: true });
  rowsOf()[place]?.scrollIntoView({ block: "nearest" });
  return atHand();
}

/** Puts an alert at hand, where it is on this page. Gives its row. */
export function find(id) {
  const place = shown.rows.findIndex((row) => row.id === id);
  if (place < 0) return null;
  shown.at = place;
  mark();
  return atHand();
}

/** Puts the focus on the row at hand. */
export const focus = () => reach(shown.at);

const BELONGS = {
  new: (row) => row.state === "new",
  mine: (row) => row.state === "taken" && row.mine,
  taken: (row) => row.state === "taken" && !row.mine,
  closed: (row) => row.state === "closed",
};

/** Takes over what became of an alert: out of the list where it no longer belongs there. */
export function took(row) {
  const place = shown.rows.findIndex((one) => one.id === row.id);
  if (place < 0) return;
  if (BELONGS[wanted.state](row)) {
    shown.rows[place] = row;
    rowsOf()[place].replaceWith(rowOf(row));
  } else {
    shown.rows.splice(place, 1);
    shown.total -= 1;
    selected.delete(row.id);
    rowsOf()[place].remove();
    if (shown.at > place || shown.at >= shown.rows.length) shown.at = Math.max(0, shown.at - 1);
  }
  summary();
  mark();
}

/** Looks whether something came, without moving what is being read. */
export async function lookAgain() {
  const before = asking;
  try {
    const found = await page(wanted, cursors.at(-1));
    answered();
    if (asking !== before) return;
    const come = found.alerts.filter((row) => !shown.rows.some((one) => one.id === row.id)).length;
    byId("queue-new").hidden = come === 0;
    say("queue-new", come ? `Show ${come === PAGE ? "those" : come.toLocaleString("en")} that came` : "");
    shown.counts = found.counts;
    summary();
  } catch (error) {
    failed(error);
  }
}

/** Selects a row, or no longer. */
export function toggle(row = atHand(), on = !selected.has(row?.id)) {
  if (!row) return;
  if (on) selected.add(row.id);
  else selected.delete(row.id);
  mark();
}

/** Selects all rows of the page, or none. */
export function choose(all) {
  selected.clear();
  if (all) shown.rows.forEach((row) => selected.add(row.id));
  mark();
}

const rowsOf = () => byId("alerts").tBodies[0].rows;

function render() {
  for (const id of [...selected]) if (!shown.rows.some((row) => row.id === id)) selected.delete(id);
  const held = document.activeElement.matches("#alerts tbody tr");
  byId("alerts").tBodies[0].replaceChildren(...shown.rows.map(rowOf));
  byId("queue-new").hidden = true;
  byId("pages").hidden = false;
  summary();
  mark();
  if (held) focus();
}

function summary() {
  for (const button of document.querySelectorAll("[data-state]")) {
    button.setAttribute("aria-pressed", String(button.dataset.state === wanted.state));
    button.querySelector(".count").textContent = (shown.counts[button.dataset.state] ?? 0).toLocaleString("en");
  }
  const { state, sort, ...filters } = wanted;
  const narrowed = Object.values(filters).some((value) => value);
  const before = (cursors.length - 1) * PAGE, count = shown.rows.length;
  byId("queue-empty").hidden = count > 0;
  say("queue-empty", count ? "" : narrowed ? "No alert matches." : EMPTY[state]);
  say("page-text", count ? `${(before + 1).toLocaleString("en")} to ${(before + count).toLocaleString("en")} of ${shown.total.toLocaleString("en")}` : "");
  byId("page-before").disabled = cursors.length === 1;
  byId("page-next").disabled = shown.next === null;
}

function mark() {
  [...rowsOf()].forEach((tr, place) => {
    tr.tabIndex = place === shown.at ? 0 : -1;
    tr.classList.toggle("at-hand", place === shown.at);
    const on = selected.has(tr.dataset.id);
    tr.setAttribute("aria-selected", String(on));
    tr.querySelector("input").checked = on;
  });
  const all = selected.size > 0 && selected.size === shown.rows.length;
  byId("chosen").hidden = selected.size === 0;
  say("chosen-count", `${selected.size.toLocaleString("en")} selected`);
  byId("close-all").hidden = !all || shown.total <= selected.size;
  say("close-all", `Close all ${shown.total.toLocaleString("en")} that match …`);
  byId("choose-all").checked = all;
  byId("choose-all").indeterminate = selected.size > 0 && !all;
}

function rowOf(row) {
  const box = html("input", { type: "checkbox", tabIndex: -1, ariaLabel: `Select ${named(row)}` });
  const cell = (name, className, ...content) => {
    const node = html(name, { className }, ...content);
    node.setAttribute("role", name === "th" ? "rowheader" : "gridcell");
    return node;
  };
  const tr = html("tr", {},
    cell("td", "mark", box),
    cell("th", "order-id", named(row)),
    cell("td", "number score", row.score.toFixed(3), meter(row.score, true)),
    cell("td", "number value", amount(row.value, row.currency)),
    cell("td", "number age", html("time", { dateTime: row.made_at, title: row.made_at, textContent: age(row.made_at) })),
    cell("td", "reason", row.reason),
    cell("td", "stand", stands(row)));
  tr.setAttribute("role", "row");
  tr.dataset.id = row.id;
  box.addEventListener("click", (event) => event.stopPropagation());
  box.addEventListener("change", () => toggle(row, box.checked));
  tr.addEventListener("click", () => open(find(row.id)));
  return tr;
}

async function turn(by) {
  if (by > 0) cursors.push(shown.next);
  else cursors.pop();
  shown.at = 0;
  selected.clear();
  return load();
}

/** Asks again with another wish, from the first page on. */
export function want(wish) {
  Object.assign(wanted, wish);
  cursors.length = 1;
  shown.at = 0;
  selected.clear();
  return load();
}

byId("page-before").addEventListener("click", () => turn(-1));
byId("page-next").addEventListener("click", () => turn(1));
byId("queue-new").addEventListener("click", () => load());
byId("choose-all").addEventListener("change", () => choose(byId("choose-all").checked));
byId("choose-none").addEventListener("click", () => {
  choose(false);
  focus();
});
