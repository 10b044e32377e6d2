// Who is at the desk. In the cloud the service knows it; on one machine a name is typed once.

import { me } from "./alerts.js";
import { analyst } from "./api.js";
import { byId, say } from "./dom.js";

let typed = false;
let name = null;
let done = () => {};

/** Asks the service who this is, and for a name where it can't know. `then` is called once a name was typed. Gives whether alerts are kept. */
export async function meet(then) {
  done = then;
  const found = await me();
  typed = ["typed", "none"].includes(found.source);
  name = found.name;
  show();
  return found.alerts;
}

/** Whether somebody is known; if not, the field for the name gets the focus. */
export function known() {
  if (!typed || analyst.get() !== "") return true;
  byId("analyst-name").focus();
  return false;
}

function show() {
  byId("analyst").hidden = !typed || analyst.get() !== "";
  const known = typed ? analyst.get() : name;
  byId("who").hidden = !known;
  byId("who-change").hidden = !typed;
  say("who-name", known ?? "");
}

byId("analyst").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("analyst-name").value.trim();
  if (name === "") return;
  analyst.set(name);
  show();
  done();
});
byId("who-change").addEventListener("click", () => {
  byId("analyst-name").value = analyst.get();
  analyst.set("");
  show();
  byId("analyst-name").focus();
});
