// The calls to the service. The key stays in this tab's session storage.

const KEY = "orderguard-api-key";
const ANALYST = "orderguard-analyst";
const TOGETHER = 500;

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** The name that somebody typed, in this browser alone. */
export const analyst = {
  get: () => localStorage.getItem(ANALYST) ?? "",
  set: (name) => (name ? localStorage.setItem(ANALYST, name) : localStorage.removeItem(ANALYST)),
};

/** The key in what a person pasted: the key alone, a header line, or a part of a command. */
export function keyIn(text) {
  const line = text.trim().replace(/^-H\s*/, "").replace(/^(["'])(.*)\1$/, "$2").trim();
  return line.replace(/^(x-api-key|authorization|api_key)\s*[:=]\s*/i, "").replace(/^bearer\s+/i, "").replace(/^(["'])(.*)\1$/, "$2").trim();
}

/** What went wrong, as a sentence for the reader; `status` and `problem` are the answer's, where there was one. */
export class ServiceError extends Error {
  constructor(message, status, problem = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** A GET of a JSON document. Throws `ServiceError` with a sentence for the reader. */
export async function get(path, signal) {
  return (await request(path, { signal })).json();
}

/** A GET of a document to be kept as a file. Throws `ServiceError` as `get` does. */
export async function download(path) {
  return (await request(path, {})).blob();
}

/** A POST of JSON. Gives the response, whose body may be a stream; throws `ServiceError` as `get` does. */
export async function post(path, content, signal) {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content), signal });
}

/** A shop's export as orders, and what it was taken for; `file` is a blob. Throws `ServiceError` as `get` does. */
export async function convert(file) {
  return (await request("/v1/convert", { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file })).json();
}

/** Scores orders given as a list of JSON texts, one each; `record` says whether they are counted. Gives the answers in the same order, and tells `progress` how many there are. */
export async function scoreAll(texts, record, progress, signal) {
  const answers = [];
  // A browser reads an answer only when it has sent the whole request, so a long list goes in parts: in sequence, since
  // an order counts into its customer's history before the next one is scored.
  let next = texts.length ? scorePart(texts, 0, record, signal) : null;
  for (let start = 0; start < texts.length; start += TOGETHER) {
    const lines = (await next).split("\n").filter((line) => line !== "");
    const end = Math.min(start + TOGETHER, texts.length);
    if (lines.length < end - start) throw new ServiceError("The service stopped in the middle. Score again.");
    // The service is at work on the next part while this one is read.
    if (end < texts.length) next = scorePart(texts, end, record, signal);
    next?.catch(() => {});
    for (const line of lines) answers.push(JSON.parse(line));
    progress(answers.length);
  }
  return answers;
}

async function scorePart(texts, start, record, signal) {
  const options = { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: texts.slice(start, start + TOGETHER).join("\n"), signal };
  return (await request(`/v1/score/stream?record=${record}`, options)).text();
}

async function request(path, options) {
  const [key, name] = [apiKey.get(), analyst.get()];
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, ...(key ? { "x-api-key": key } : {}), ...(name ? { "x-analyst": encodeURIComponent(name) } : {}) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The service does not answer. Is it running?");
  }
  if (response.ok) return response;
  if (response.status === 401) throw new ServiceError("The service does not accept this API key.", 401);
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not a problem document: the status has to do.
  }
  const said = [problem.title ?? "The service refused this", problem.detail].filter((text) => text).map((text) => `${text[0].toUpperCase()}${text.slice(1)}`);
  throw new ServiceError(`${said.join(": ").replace(/\.?$/, ".")}`, response.status, problem);
}
