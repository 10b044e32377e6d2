// Scoring orders by hand: orders in, a table of scores, and for one order its reasons and the order itself.

import { convert, get, scoreAll, ServiceError } from "./api.js";
import { showDrift, showModel } from "./about.js";
import { meter } from "./charts.js";
import { byId, html, say } from "./dom.js";
import * as door from "./door.js";
import { hideOrder, showOrder, showPlace } from "./order.js";
import { contentOf, isOwn, split, whyNot } from "./orders.js";

const MAX_ROWS = 500;
const MOST_UNUSABLE = 200;
const LARGE = 200_000; // characters; a longer text is not put into the field, which would take seconds
const LARGEST_FILE = 8 * 2 ** 20; // bytes; what /v1/convert takes
const state = { rows: [], apart: [], unusable: [], model: null, file: null, working: null };

/** Asks for the model and for drift, and shows them. */
export async function loadAbout() {
  if (!door.isOpen()) return;
  try {
    state.model = await get("/v1/model");
    showModel(state.model);
    if (!byId("place").querySelector("svg")) showPlace(state.model);
    showDrift(await get("/v1/drift"));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.status === 401) return door.refused();
    say("model-summary", error.message);
    say("drift-rows", error.message);
    say("drift-verdict", "");
  }
}

async function score(event) {
  event.preventDefault();
  if (state.working) return;
  away();
  if (!(await door.use())) return;
  const work = (state.working = new AbortController());
  byId("score").disabled = true;
  const record = byId("record").checked;
  try {
    const { texts, where } = split(state.file?.text ?? byId("orders").value);
    if (texts.length === 0) throw new ServiceError("There is no order yet. Paste one, open a file, or insert the example.");
    show(texts.length, 0);
    const answers = await scoreAll(texts, record, (done) => show(texts.length, done), work.signal);
    const all = answers.map((answer, place) => ({ answer, place, text: texts[place] }));
    state.rows = all.filter(({ answer }) => answer.score !== undefined);
    state.apart = all.filter(({ answer }) => answer.apart !== undefined).map(({ answer }) => answer.apart);
    state.unusable = all.filter(({ answer }) => answer.error !== undefined).map(({ answer, place }) => `${where(place)}: ${whyNot(answer)}`);
    say("counted", record ? "They count into the customers’ histories and drift." : "They were only looked at: nothing of them is kept or counted.");
    showResults();
    await loadAbout();
  } catch (error) {
    if (work.signal.aborted) say("message", `Cancelled. ${record ? "What was scored until then counts into the customers’ histories." : "Nothing was kept or counted."}`);
    else door.tell(error, "message");
  } finally {
    state.working = null;
    byId("score").disabled = false;
    byId("work").hidden = true;
  }
}

// What was shown belongs to other orders.
function away() {
  say("message", "");
  state.rows = [];
  state.apart = [];
  state.unusable = [];
  byId("results").hidden = true;
  hideOrder();
}

function show(all, done) {
  byId("work").hidden = false;
  byId("progress").max = all;
  byId("progress").value = done;
  byId("progress-text").textContent = `Scoring: ${done.toLocaleString("en")} of ${all.toLocaleString("en")} orders`;
}

function showResults() {
  const { rows, apart, unusable } = state;
  const anomalies = rows.filter((row) => row.answer.anomaly).length;
  say("summary", `${counted(rows.length, "order", "orders")} scored, ${counted(anomalies, "anomaly", "anomalies")}${apart.length ? `, ${apart.length.toLocaleString("en")} set apart` : ""}${unusable.length ? `, ${counted(unusable.length, "line", "lines")} left out` : ""}.`);
  say("apart", apart.length ? `Set apart, since they are not orders to score: ${byKind(apart)}.` : "");
  byId("unusable").hidden = unusable.length === 0;
  byId("unusable").open = true;
  say("unusable-summary", `${counted(unusable.length, "line", "lines")} can’t be used; the others are scored`);
  const more = unusable.length > MOST_UNUSABLE ? [`… and ${unusable.length - MOST_UNUSABLE} more`] : [];
  byId("unusable-lines").replaceChildren(...[...unusable.slice(0, MOST_UNUSABLE), ...more].map((text) => html("li", { textContent: text })));
  byId("scored").hidden = rows.length === 0;
  showScores();
  byId("results").hidden = false;
  byId("results-title").focus();
}

const byKind = (kinds) => [...new Set(kinds)].map((kind) => `${kinds.filter((one) => one === kind).length.toLocaleString("en")} × ${kind}`).join(", ");

const counted = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

function showScores() {
  let rows = byId("filter").value === "anomalies" ? state.rows.filter((row) => row.answer.anomaly) : [...state.rows];
  if (byId("sort").value === "score") rows.sort((a, b) => b.answer.score - a.answer.score);
  say("more", rows.length > MAX_ROWS ? `The first ${MAX_ROWS} of ${rows.length.toLocaleString("en")} are shown.` : "");
  byId("scores").tBodies[0].replaceChildren(...rows.slice(0, MAX_ROWS).map(tableRow));
}

function tableRow(row) {
  const { answer } = row;
  const button = html("button", { type: "button", className: "row-button", textContent: answer.order_id });
  const verdict = html("span", { className: `verdict ${answer.anomaly ? "anomaly" : "usual"}`, textContent: answer.anomaly ? "anomaly" : "usual" });
  const tr = html("tr", {}, html("th", { scope: "row" }, button), html("td", { className: "number" }, answer.score.toFixed(3), meter(answer.score, answer.anomaly)),
    html("td", {}, verdict), html("td", { textContent: answer.reasons[0]?.text ?? "" }));
  button.addEventListener("click", () => {
    for (const other of byId("scores").tBodies[0].rows) other.removeAttribute("aria-current");
    tr.setAttribute("aria-current", "true");
    showOrder(row, state.model);
  });
  return tr;
}

function openFile(event) {
  const [file] = event.target.files;
  event.target.value = "";
  take(file);
}

function drop(event) {
  event.preventDefault();
  byId("orders-form").classList.remove("dropping");
  take(event.dataTransfer.files[0]);
}

// A file of orders goes into the field as it is; of a shop's export, the orders that the service makes of it.
async function take(file) {
  if (!file) return;
  away();
  try {
    const content = await contentOf(file);
    if (isOwn(await content.slice(0, LARGE).text())) return hold(file.name, await content.text());
    if (content.size > LARGEST_FILE) throw new ServiceError(`The file is larger than ${LARGEST_FILE / 2 ** 20} MiB, which is as much as the page takes. In the repository, make import FILE=… and make score ORDERS=… read one of any size.`);
    if (!(await door.use())) return;
    say("message", "Reading the file …");
    const found = await convert(content);
    say("message", "");
    if (found.orders.length === 0) throw new ServiceError(`${sentence(found)} There is no order in it that can be used.`);
    hold(file.name, found.orders.map((order) => JSON.stringify(order)).join("\n"));
    say("taken-for", sentence(found));
  } catch (error) {
    door.tell(error, "message");
  }
}

// What a file was taken for, and what became of what is in it.
function sentence({ taken_for, orders, repaired, apart, unusable, unmapped, doubts }) {
  const told = (counts) => counts.map(({ what, count }) => `${count.toLocaleString("en")} × ${what}`).join(", ");
  const parts = [`Taken for ${taken_for}: ${counted(orders.length, "order", "orders")}.`];
  if (apart.length) parts.push(`Set apart: ${told(apart)}.`);
  if (unusable.length) parts.push(`Not usable: ${told(unusable)}.`);
  if (repaired.length) parts.push(`Repaired: ${told(repaired)}.`);
  if (unmapped.length) parts.push(`Left out: ${unmapped.join(", ")}.`);
  if (doubts.length) parts.push(`To be checked: ${doubts.join("; ")}.`);
  return parts.join(" ");
}

// A short text goes into the field, to be looked at and changed; a long one is only named.
function hold(name, text) {
  say("taken-for", "");
  state.file = text.length > LARGE ? { text } : null;
  byId("orders").hidden = state.file !== null;
  byId("orders").value = state.file ? "" : text;
  byId("file-shown").hidden = state.file === null;
  if (state.file) say("file-name", `${name}, ${counted(text.split("\n").filter((line) => line.trim()).length, "line", "lines")}, ${(text.length / 1e6).toFixed(1)} MB.`);
}

async function insertExample() {
  say("message", "");
  hold("", "");
  try {
    const orders = door.isOpen() ? Object.values(await get("/v1/example")) : ofTheApiPage(await get("/openapi.json"));
    byId("orders").value = orders.map((order) => JSON.stringify(order)).join("\n");
  } catch (error) {
    door.tell(error, "message");
  }
}

function ofTheApiPage(document) {
  const examples = document.paths["/v1/score"].post.requestBody.content["application/json"].examples;
  return Object.values(examples).map((example) => example.value);
}

byId("orders-form").addEventListener("submit", score);
byId("cancel").addEventListener("click", () => state.working?.abort());
byId("file").addEventListener("change", openFile);
byId("orders-form").addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("orders-form").classList.add("dropping");
});
byId("orders-form").addEventListener("dragleave", () => byId("orders-form").classList.remove("dropping"));
byId("orders-form").addEventListener("drop", drop);
byId("file-away").addEventListener("click", () => {
  hold("", "");
  byId("orders").focus();
});
byId("example").addEventListener("click", insertExample);
byId("filter").addEventListener("change", showScores);
byId("sort").addEventListener("change", showScores);
