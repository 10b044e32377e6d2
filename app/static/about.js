// What the page says of the model and of drift.

import { driftLine } from "./charts.js";
import { byId, html, say } from "./dom.js";

const DRIFT_ROWS = 12;

const share = (value) => `${(100 * value).toLocaleString("en", { maximumFractionDigits: 1 })} %`;
const count = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });

// The figures of the gates that a reader of the page can use, in words; the report has all of them.
const FIGURES = {
  "anomalies: recall at the threshold": ["Planted anomalies that are found", share],
  "anomalies: ROC-AUC": ["An anomaly scores above a usual order", (value) => `in ${share(value)} of pairs`],
  "anomalies: average precision": ["Alarms that are right, over all thresholds", share],
  "alert_rate: alerts against the alert rate": ["Alarms, beside the number meant", (value) => `${value.toFixed(2)} times`],
  "drift: share of the drift sets told": ["Planted drift that is told", share],
  "drift: normal windows taken for a fault": ["Normal weeks taken for drift", count],
  "parity: flipped decisions": ["Decisions that the exported model changes", count],
};

export function showModel(model) {
  say("model-summary", model.shadow_version ? `In its shadow: challenger ${model.shadow_version}.` : "Where the answers come from.");
  const orders = model.data.reduce((sum, file) => sum + file.orders, 0);
  const refused = Object.entries(model.refused).map(([version, reason]) => `${version}: ${reason}`);
  const lines = [
    ["Version", model.version],
    ["Threshold", model.threshold.toFixed(4)],
    ["Trained on", `${orders.toLocaleString("en")} orders in ${model.data.length} files${model.sample ? " of the sample, which is of no real shop: put your own into data/raw, then make train" : ""}`],
    ["Orders from", `${model.first_order.slice(0, 10)} to ${model.last_order.slice(0, 10)}`],
    ["Data", model.data_sha256.slice(0, 16)],
    ["Code", model.commit ? model.commit.slice(0, 12) : "not recorded"],
    ["Features", `set ${model.feature_set_version}`],
    ["History store", model.history_store],
    ...Object.entries(FIGURES).filter(([name]) => name in model.metrics).map(([name, [words, told]]) => [words, told(model.metrics[name]), name]),
    ...(model.undecided.length ? [["Not yet decided", model.undecided.map((u) => `${FIGURES[`${u.gate}: ${u.figure}`]?.[0] ?? `${u.gate.replaceAll("_", " ")}: ${u.figure}`} (${u.needs})`).join("; ")]] : []),
    ...(refused.length ? [["Refused", refused.join("; ")]] : []),
  ];
  byId("lineage").replaceChildren(...lines.flatMap(([term, text, title = ""]) => [html("dt", { textContent: term, title }), html("dd", { textContent: text })]));
}

export function showDrift(drift) {
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
      html("th", { scope: "row", title: v.name, textContent: sentence(v.label) }),
      html("td", { className: "number", textContent: v.psi.toFixed(3) }),
      html("td", {}, driftLine(v.label, series, v.limit, v.kind === "unexpected" && drift.enough)),
      html("td", {}, html("span", { className: `verdict ${verdict[0]}`, textContent: verdict[1] })));
  });
  const head = html("thead", {}, html("tr", {}, ...["Variable", "PSI", "Over time", "Verdict"].map((t) => html("th", { scope: "col", textContent: t }))));
  const table = html("table", { className: "drift-table" }, html("caption", { className: "visually-hidden", textContent: "Drift by variable, the largest first; the dashed line is what chance stays under" }), head, html("tbody", {}, ...body));
  byId("drift").replaceChildren(table);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function advice(variables) {
  return [...new Set(variables.map((v) => v.advice))].slice(0, 3).join(" ");
}
