// What the page says of the model and of drift.

import { driftLine } from "./charts.js";
import { byId, html, say } from "./dom.js";

const DRIFT_ROWS = 12;

export function showModel(model) {
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
