// The way in: the key from a link's code, from this tab's earlier visit, or from what a person pastes.

import { apiKey, get, keyIn, post, ServiceError } from "./api.js";
import { byId, say } from "./dom.js";

const HERE = ["127.0.0.1", "localhost", "[::1]"];
let required = true;
let opened = () => {};
let closed = () => {};

/** Whether what needs the key can be asked for. */
export const isOpen = () => !required || apiKey.get() !== "";

/** Opens the door where it can be opened without asking, and calls `then` each time it is opened, `otherwise` each time it is shut again. */
export async function open(then, otherwise) {
  [opened, closed] = [then, otherwise];
  // The code works once and is nobody else's business: it leaves the address before anything else happens.
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  if (code !== null) await exchange(code);
  // Who has a key already does not wait for the answer.
  const asked = ask();
  if (apiKey.get() === "") await asked;
  show();
  if (isOpen()) await then();
}

async function ask() {
  try {
    required = (await get("/door")).key_required;
    show();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
  }
}

async function exchange(code) {
  try {
    apiKey.set((await (await post("/door", { code })).json()).api_key);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    say("door-message", error.status === 429 ? "There were too many wrong links. Wait a minute, and run `make open` again." : "This link was used, or is older than ten minutes. `make open` prints another one.");
  }
}

/** Shows the door, where it is shut: with why, after the key was refused. */
export function show(why = "") {
  const shut = required && (apiKey.get() === "" || why !== "");
  byId("door").hidden = !shut;
  byId("forget").hidden = shut || !required;
  byId("door-local").hidden = !HERE.includes(location.hostname);
  byId("door-cloud").hidden = HERE.includes(location.hostname);
  if (why) say("door-message", why);
  else if (!shut) say("door-message", "");
}

/** Shuts the door after the service refused the key. */
export function refused() {
  apiKey.forget();
  show("The service does not accept this API key. It may have been rotated; copy it again.");
  closed();
}

/** Says what went wrong: at the door where the key was refused, else in the element `id`. Throws what is no `ServiceError`. */
export function tell(error, id) {
  if (!(error instanceof ServiceError)) throw error;
  if (error.status === 401) refused();
  else say(id, error.message);
}

/** Takes what stands in the field as the key. Gives whether there is one now; says what is missing where there is none. */
export async function use() {
  const key = keyIn(byId("key").value);
  if (key !== "") {
    apiKey.set(key);
    byId("key").value = "";
    show();
    await opened();
  }
  if (isOpen()) return true;
  if (byId("door-message").textContent === "") say("door-message", "Paste the API key first.");
  byId("key").focus();
  return false;
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  use();
});
byId("forget").addEventListener("click", () => {
  apiKey.forget();
  show();
  closed();
  byId("key").focus();
});
