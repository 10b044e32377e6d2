// How many alerts were right: by week, by main reason, by model version and by what decided.

import { precision } from "./alerts.js";
import { meter, weekChart } from "./charts.js";
import { byId, html, say, table } from "./dom.js";
import * as door from "./door.js";

const WIDEST = 720;
const BY = { reason: "Main reason", model_version: "Model version", decided_by: "Decided by" };

/** Asks for the figures and shows them. */
export async function show() {
  if (!door.isOpen()) return;
  try {
    const [weeks, ...others] = await Promise.all(["week", ...Object.keys(BY)].map(precision));
    const told = weeks.total.precision !== null;
    say("precision-text", told ? "Of the alerts with an outcome, how many were right: fraud or a mistake. Those closed as other don’t count. The whisker is where the share lies with 95 % certainty." : "No alert has an outcome yet. Once some are closed, this shows how many were right.");
    byId("precision").replaceChildren(...(told ? cards(weeks, others) : []));
  } catch (error) {
    byId("precision").replaceChildren();
    door.tell(error, "precision-text");
  }
}

function cards(weeks, others) {
  const width = Math.min(byId("precision").clientWidth - 40, WIDEST);
  return [
    card("By week", html("figure", { className: "weeks" }, weekChart(weeks.rows, width)), shares("Week", weeks.rows)),
    ...Object.values(BY).map((title, place) => card(title, shares(title, others[place].rows))),
  ];
}

const card = (title, ...content) => html("section", { className: "card" }, html("h2", { textContent: title }), ...content);

const percent = (share) => `${Math.round(100 * share)} %`;

function shares(what, rows) {
  return html("div", { className: "shares" }, table("", [what, "Right", "Of", "Fraud", "Mistake", "Genuine", "Other", "Open"], rows.map((row) => [
    row.value.replaceAll("_", " "),
    row.precision === null ? "–" : [percent(row.precision), meter(row.precision, false), html("span", { className: "beside", textContent: `${percent(row.low)} to ${percent(row.high)}` })],
    ...[row.fraud + row.mistake + row.genuine, row.fraud, row.mistake, row.genuine, row.other, row.open].map((count) => count.toLocaleString("en")),
  ])));
}
