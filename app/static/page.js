// The page: orders in, a table of scores, and for one order the reasons and its place among the others.

import { apiKey, get, scoreAll, ServiceError, split } from "./api.js";
import { driftLine, meter, placeChart, reasonsChart } from "./charts.js";

const MAX_ROWS = 500;
const DRIFT_ROWS = 12;
const LOOK_AGAIN = 15_000;
const CHART_WIDTH = 460; // on a narrow screen less, so that the words in a chart keep their size
const byId = (id) => document.getElementById(id);
const state = { rows: [], model: null, chosen: null, refused: undefined };

function html(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

async function look() {
  try {
    const ready = await (await fetch("/readyz")).json();
    byId("state").className = `state ${ready.ready ? "ready" : "away"}`;
    say("state-text", ready.ready ? `Ready, model ${ready.model_version}` : `Not ready: ${ready.reason}`);
  } catch {
    byId("state").className = "state away";
    say("state-text", "The service does not answer");
  }
}

// A live region is read out when it changes: leave it alone when it doesn't.
function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

async function loadAbout() {
  // A key that was refused is not sent again and again: each time would be a warning in the service's log.
  if (state.refused === apiKey.get()) return;
  try {
    state.model = await get("/v1/model");
    showModel(state.model);
    if (state.chosen && !byId("place").querySelector("svg")) showPlace(state.chosen);
    showDrift(await get("/v1/drift"));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.status === 401) state.refused = apiKey.get();
    // Whether a key is needed at all, only the service knows.
    if (error.status === 401 && apiKey.get() === "") return;
    say("model-summary", error.message);
    say("drift-rows", error.message);
    say("drift-verdict", "");
  }
}

function showModel(model) {
  say("model-summary", model.shadow_version ? `In its shadow: challenger ${model.shadow_version}.` : "Where the answers come from.");
  const orders = model.data.reduce((sum, file) => sum + file.orders, 0);
  const refused = Object.entries(model.refused).map(([version, reason]) => `${version}: ${reason}`);
  const lines = [
    ["Version", model.version],
    ["Threshold", model.threshold.toFixed(4)],
    ["Trained on", `${orders.toLocaleString("en")} orders in ${model.data.length} files`],
    ["Orders from", `${model.first_order.slice(0, 10)} to ${model.last_order.slice(0, 10)}`],
    ["Data", model.data_sha256.slice(0, 16)],
    ["Code", model.commit ? model.commit.slice(0, 12) : "not recorded"],
    ["Features", `set ${model.feature_set_version}`],
    ["History store", model.history_store],
    ...Object.entries(model.metrics).slice(0, 8).map(([name, value]) => [name.replaceAll("_", " "), Number(value.toFixed(4))]),
    ...(model.undecided.length ? [["Undecided gates", model.undecided.map((u) => `${u.gate}: ${u.figure} (${u.needs})`).join("; ")]] : []),
    ...(refused.length ? [["Refused", refused.join("; ")]] : []),
  ];
  byId("lineage").replaceChildren(...lines.flatMap(([term, text]) => [html("dt", { textContent: term }), html("dd", { textContent: text })]));
}

function showDrift(drift) {
  const variables = [...drift.variables, ...drift.presence];
  const moved = variables.filter((v) => v.kind === "unexpected"), expected = variables.filter((v) => v.kind === "expected");
  say("drift-rows", `${drift.rows.toLocaleString("en")} recent orders:`);
  say("drift-verdict", !drift.enough ? "too few to tell drift from chance."
    : moved.length ? `${moved.length} of ${variables.length} variables have drifted. ${advice(moved)}`
    : expected.length ? `drift as is expected with time. ${advice(expected)}` : "no drift.");
  const shown = variables.sort((a, b) => (b.kind === "unexpected") - (a.kind === "unexpected") || b.drifted - a.drifted || b.psi / b.limit - a.psi / a.limit).slice(0, DRIFT_ROWS);
  const body = shown.map((v) => {
    const series = [...drift.history.map((s) => s.psi[v.name] ?? 0), v.psi];
    const early = !drift.enough ? "too few" : v.effect_limit > 1 ? "too early" : "";
    const verdict = early ? ["invalid", early] : v.kind === "expected" ? ["invalid", "expected"] : v.drifted ? ["anomaly", "drifted"] : ["usual", "steady"];
    return html("tr", {},
      html("th", { scope: "row", textContent: v.name.replaceAll("_", " ") }),
      html("td", { className: "number", textContent: v.psi.toFixed(3) }),
      html("td", {}, driftLine(v.name, series, v.limit, v.kind === "unexpected" && drift.enough)),
      html("td", {}, html("span", { className: `verdict ${verdict[0]}`, textContent: verdict[1] })));
  });
  const head = html("thead", {}, html("tr", {}, ...["Variable", "PSI", "Over time", "Verdict"].map((t) => html("th", { scope: "col", textContent: t }))));
  const table = html("table", { className: "drift-table" }, html("caption", { className: "visually-hidden", textContent: "Drift by variable, the largest first; the dashed line is what chance stays under" }), head, html("tbody", {}, ...body));
  byId("drift").replaceChildren(table);
}

function advice(variables) {
  return [...new Set(variables.map((v) => v.advice))].slice(0, 3).join(" ");
}

async function score(event) {
  event.preventDefault();
  byId("message").textContent = "";
  const button = byId("score");
  button.disabled = true;
  try {
    const texts = split(byId("orders").value);
    if (texts.length === 0) throw new ServiceError("There is no order yet. Paste one, open a file, or insert the example.");
    const answers = await scoreAll(texts);
    state.rows = answers.map((answer, place) => ({ answer, place, text: texts[place] }));
    showScores();
    byId("results").hidden = false;
    byId("detail").hidden = true;
    state.chosen = null;
    byId("results-title").focus();
    state.refused = undefined;
    await loadAbout();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    byId("message").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function showScores() {
  const anomalies = state.rows.filter((row) => row.answer.anomaly).length;
  const invalid = state.rows.filter((row) => row.answer.error !== undefined).length;
  const scored = state.rows.length - invalid;
  byId("summary").textContent = `${scored} ${scored === 1 ? "order" : "orders"} scored, ${anomalies} ${anomalies === 1 ? "anomaly" : "anomalies"}${invalid ? `, ${invalid} that can't be used` : ""}.`;
  let rows = byId("filter").value === "anomalies" ? state.rows.filter((row) => row.answer.anomaly) : [...state.rows];
  if (byId("sort").value === "score") rows.sort((a, b) => (b.answer.score ?? 2) - (a.answer.score ?? 2));
  byId("more").textContent = rows.length > MAX_ROWS ? `The first ${MAX_ROWS} of ${rows.length} are shown.` : "";
  rows = rows.slice(0, MAX_ROWS);
  byId("scores").tBodies[0].replaceChildren(...rows.map(tableRow));
}

function tableRow(row) {
  const { answer, place } = row;
  if (answer.error !== undefined) {
    return html("tr", {}, html("th", { scope: "row", textContent: `line ${place + 1}` }), html("td", { textContent: "–" }),
      html("td", {}, html("span", { className: "verdict invalid", textContent: "not usable" })),
      html("td", { textContent: answer.field ? `${answer.field}: ${answer.error}` : answer.error }));
  }
  const button = html("button", { type: "button", className: "row-button", textContent: answer.order_id });
  button.addEventListener("click", () => showDetail(row, tr));
  const verdict = html("span", { className: `verdict ${answer.anomaly ? "anomaly" : "usual"}`, textContent: answer.anomaly ? "anomaly" : "usual" });
  const tr = html("tr", {}, html("th", { scope: "row" }, button), html("td", { className: "number" }, answer.score.toFixed(3), meter(answer.score, answer.anomaly)),
    html("td", {}, verdict), html("td", { textContent: answer.contributions[0]?.meaning ?? "" }));
  return tr;
}

function showDetail(row, tr) {
  const { answer } = row;
  for (const other of byId("scores").tBodies[0].rows) other.removeAttribute("aria-current");
  tr.setAttribute("aria-current", "true");
  byId("detail-title").textContent = `Why ${answer.order_id} scored ${answer.score.toFixed(3)}`;
  byId("detail").hidden = false;
  const list = html("dl", {}, ...answer.contributions.flatMap((c) => [html("dt", { textContent: c.feature.replaceAll("_", " ") }), html("dd", { textContent: `${c.meaning} Here: ${Number(c.value.toPrecision(4)).toLocaleString("en")}.` })]));
  byId("reasons").replaceChildren(reasonsChart(answer.contributions, chartWidth()), list);
  state.chosen = answer;
  showPlace(answer);
  byId("detail-title").focus();
  byId("detail").scrollIntoView({ block: "nearest" });
  byId("ask").dispatchEvent(new CustomEvent("order-chosen", { bubbles: true, detail: { answer, order: JSON.parse(row.text) } }));
}

function chartWidth() {
  return Math.min(byId("reasons").clientWidth, CHART_WIDTH);
}

// The model may come after the order was chosen; its place is shown then.
function showPlace(answer) {
  const history = { used: "The customer's earlier orders were used.", absent: "No earlier order of this customer is known.", unavailable: "The history store was away, so earlier orders were not used." }[answer.history];
  const place = state.model ? placeChart(state.model.score_distribution, answer.score, answer.threshold, chartWidth()) : null;
  byId("detail-text").textContent = `${answer.anomaly ? "An anomaly" : "Not an anomaly"}: the threshold is ${answer.threshold.toFixed(3)}. The forest says ${answer.forest_score.toFixed(3)}, the guard ${answer.guard_score.toFixed(3)}. ${place ? place.words.split(" The threshold")[0] + " " : ""}${history}`;
  const missing = apiKey.get() === "" ? "Enter the API key to see the distribution." : "The distribution is on its way.";
  byId("place").replaceChildren(place ? place.svg : html("p", { className: "note", textContent: missing }));
}

async function openFile(event) {
  const [file] = event.target.files;
  if (file) byId("orders").value = await file.text();
  event.target.value = "";
}

async function insertExample() {
  byId("message").textContent = "";
  let document;
  try {
    document = await get("/openapi.json");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    byId("message").textContent = error.message;
    return;
  }
  const examples = document.paths["/v1/score"].post.requestBody.content["application/json"].examples;
  byId("orders").value = Object.values(examples).map((example) => JSON.stringify(example.value)).join("\n");
}

byId("key").value = apiKey.get();
byId("key").addEventListener("change", (event) => {
  apiKey.set(event.target.value.trim());
  loadAbout();
});
byId("orders-form").addEventListener("submit", (event) => {
  apiKey.set(byId("key").value.trim());
  score(event);
});
byId("file").addEventListener("change", openFile);
byId("example").addEventListener("click", insertExample);
byId("filter").addEventListener("change", showScores);
byId("sort").addEventListener("change", showScores);
look();
loadAbout();
setInterval(() => {
  look();
  if (document.visibilityState === "visible") loadAbout();
}, LOOK_AGAIN);
