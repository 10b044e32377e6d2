// The calls to the service. The key stays in this tab's session storage.

const KEY = "orderguard-api-key";
const TOGETHER = 500;

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** What went wrong, as a sentence for the reader; `status` is the answer's, where there was one. */
export class ServiceError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** A GET of a JSON document. Throws `ServiceError` with a sentence for the reader. */
export async function get(path) {
  return (await request(path, {})).json();
}

/** A POST of JSON. Gives the response, whose body may be a stream; throws `ServiceError` as `get` does. */
export async function post(path, content, signal) {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content), signal });
}

/** Scores orders given as a list of JSON texts, one each. Gives the answers in the same order. */
export async function scoreAll(texts) {
  const answers = [];
  // A browser reads an answer only when it has sent the whole request, so a long list goes in parts.
  for (let start = 0; start < texts.length; start += TOGETHER) {
    const part = texts.slice(start, start + TOGETHER);
    const response = await request("/v1/score/stream", {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: part.join("\n"),
    });
    const lines = (await response.text()).split("\n").filter((line) => line !== "");
    if (lines.length < part.length) throw new ServiceError("The service stopped in the middle. Score again.");
    answers.push(...lines.map((line) => JSON.parse(line)));
  }
  return answers;
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, "x-api-key": apiKey.get() } });
  } catch {
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
  throw new ServiceError(`${problem.title ?? "The service refused"} (${response.status}). ${problem.detail ?? ""}`.trim(), response.status);
}

/** Splits what a person pasted into one JSON text an order: one object, an array, or a line each. */
export function split(text) {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  try {
    const value = JSON.parse(trimmed);
    return (Array.isArray(value) ? value : [value]).map((order) => JSON.stringify(order));
  } catch {
    const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== "");
    if (lines.length > 1 && lines.every((line) => line.trim().startsWith("{"))) return lines;
    throw new ServiceError("This is not JSON. Paste one order, an array of orders, or one order a line.");
  }
}
