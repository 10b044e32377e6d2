// The page: which view is shown, how the service is, and the way in. Each view is a module of its own.

import * as desk from "./desk.js";
import { byId, say } from "./dom.js";
import * as door from "./door.js";
import * as precision from "./precision.js";
import * as score from "./score.js";
import * as views from "./views.js";

const LOOK_AGAIN = 15_000;

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

views.on("queue", desk.show);
views.on("precision", precision.show);
views.on("score", score.loadAbout);
views.follow();
look();
door.open(views.shown, desk.leave);
setInterval(() => {
  look();
  if (document.visibilityState !== "visible" || !door.isOpen()) return;
  if (views.current() === "score") score.loadAbout();
  if (views.current() === "queue") desk.lookAgain();
}, LOOK_AGAIN);
