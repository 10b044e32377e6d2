// The panel "ask about this order": listens for `order-chosen` on the slot, whose detail is { answer, order }.

import { post, ServiceError } from "./api.js";

const SUGGESTIONS = ["Why was this order flagged?", "What should I check first?", "Who may cancel it?"];
const slot = document.getElementById("ask");
let chosen = null;
let asking = null;

function html(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

const question = html("input", { id: "question", maxLength: 2000, autocomplete: "off", required: true });
const button = html("button", { type: "submit", className: "primary", textContent: "Ask" });
const form = html("form", { className: "ask-form" },
  html("label", { htmlFor: "question", textContent: "Question" }),
  html("div", { className: "ask-line" }, question, button),
  html("div", { className: "actions" }, ...SUGGESTIONS.map(suggestion)));
const message = html("p", { className: "message" });
message.setAttribute("role", "alert");
const answerText = html("p", { className: "ask-answer" });
answerText.setAttribute("aria-live", "polite");
const about = html("p", { className: "note" });
const sources = html("ol", { className: "ask-sources" });
const similar = html("div", {});
const result = html("div", { hidden: true }, html("h4", { textContent: "Answer" }), answerText, about,
  html("h4", { textContent: "Sources", id: "sources-title" }), sources, similar);
sources.setAttribute("aria-labelledby", "sources-title");
const title = html("h3", { textContent: "Ask about this order", id: "ask-title" });
const panel = html("section", { className: "ask-panel" }, title, form, message, result);
panel.setAttribute("aria-labelledby", "ask-title");

function suggestion(text) {
  const node = html("button", { type: "button", className: "ask-suggestion", textContent: text });
  node.addEventListener("click", () => {
    question.value = text;
    form.requestSubmit();
  });
  return node;
}

slot.addEventListener("order-chosen", (event) => {
  chosen = event.detail;
  asking?.abort();
  message.textContent = "";
  result.hidden = true;
  if (!slot.contains(panel)) slot.append(panel);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking?.abort();
  const mine = (asking = new AbortController());
  message.textContent = "";
  clear();
  button.disabled = true;
  try {
    const body = { question: question.value, order: chosen.order, stream: true };
    const response = await post("/v1/ask", body, mine.signal);
    result.hidden = false;
    for await (const [name, data] of events(response.body)) {
      if (name === "statement") data.citations.forEach(showSource);
      if (name === "statement") answerText.append(...withLinks(data.text), " ");
      else finish(data);
    }
  } catch (error) {
    if (mine.signal.aborted) return;
    if (!(error instanceof ServiceError)) throw error;
    message.textContent = error.message;
  } finally {
    if (asking === mine) button.disabled = false;
  }
});

function clear() {
  for (const node of [answerText, sources, similar]) node.replaceChildren();
  about.textContent = "";
}

function finish(answer) {
  if (answer.abstained) answerText.textContent = answer.answer;
  sources.previousElementSibling.hidden = answer.citations.length === 0;
  const stand = answer.fallback ? ` (the configured provider did not answer: ${answer.fallback})` : "";
  const cut = answer.interrupted ? " The answer broke off." : "";
  const quoted = answer.quoted ? ` Where its words could not be proven, the source is quoted (${answer.quoted}).` : "";
  about.textContent = `Worded by the ${answer.provider} provider${stand}, model version ${answer.model_version}.${cut}${quoted}`;
  if (answer.similar.length) showSimilar(answer.similar);
}

// The text is the service's: it goes in as text nodes, and only [n] becomes a link.
function withLinks(text) {
  return text.split(/(\[\d+\])/).map((part) => {
    const number = /^\[(\d+)\]$/.exec(part)?.[1];
    return number ? html("a", { href: `#source-${number}`, textContent: part }) : part;
  });
}

function showSource(citation) {
  if (document.getElementById(`source-${citation.id}`)) return;
  const heading = [citation.title, citation.heading].filter((text) => text).join(" › ");
  const place = citation.kind === "knowledge" ? `${citation.document}, line ${citation.line}` : `line ${citation.line}`;
  sources.append(html("li", { id: `source-${citation.id}`, value: citation.id, tabIndex: -1 },
    html("p", {}, html("strong", { textContent: heading }), ` (${place}${citation.example ? ", an example of a shop's own policy" : ""})`),
    html("blockquote", { textContent: citation.excerpt }),
    html("p", { className: "note", textContent: found(citation) })));
}

function found({ scores, support }) {
  const parts = [`supports the statement to ${percent(support)}`];
  if (scores.bm25 !== undefined) parts.push(`found by its words at rank ${scores.bm25_rank} (BM25 ${scores.bm25.toFixed(1)})`);
  if (scores.similarity !== undefined) parts.push(`by its meaning at rank ${scores.similarity_rank} (cosine ${scores.similarity.toFixed(2)})`);
  if (scores.coverage !== undefined) parts.push(`covers ${percent(scores.coverage)} of the question`);
  return `${parts.join(", ")}.`.replace(/^s/, "S");
}

const percent = (share) => `${Math.round(share * 100)} %`;

const COLUMNS = ["Likeness", "Score", "Day", "Reasons that it shares, as they were there"];

function showSimilar(cases) {
  const rows = cases.map(({ similarity, shared_in_words, case: past }) => {
    const reasons = (shared_in_words.length ? shared_in_words : ["None."]).map((text) => html("p", { textContent: text }));
    const cells = [similarity.toFixed(2), past.score.toFixed(3), past.created_at.slice(0, 10)].map((text) => html("td", { textContent: text }));
    cells.push(html("td", {}, ...reasons));
    cells.forEach((cell, place) => (cell.dataset.label = COLUMNS[place]));
    return html("tr", {}, ...cells);
  });
  const heads = COLUMNS.map((text) => html("th", { scope: "col", textContent: text }));
  similar.append(html("h4", { textContent: "Similar past cases" }),
    html("table", { className: "lines" }, html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...rows)));
}

/** The server-sent events of a body, as [name, data]. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    rest += part.value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      yield [fields.event, JSON.parse(fields.data)];
    }
  }
}
