// The desk: what an analyst does with the queue and with an alert, by key or by button.

import * as alert from "./alert.js";
import { act, closeAll, csv } from "./alerts.js";
import * as analyst from "./analyst.js";
import * as closing from "./closing.js";
import { byId, say } from "./dom.js";
import * as door from "./door.js";
import { offer } from "./filters.js";
import { help, listen } from "./keys.js";
import * as queue from "./queue.js";
import * as views from "./views.js";
import { first, named, outcome } from "./words.js";

// What a failed question said goes away with the next one that is answered; what an act said stays until the next act.
let away = false;
function failed(error, asking = false) {
  away = asking;
  door.tell(error, "desk-message");
}
function answered() {
  if (away) say("desk-message", "");
  away = false;
}
const SAID_FOR = 8_000;
let met = false;
let silence = null;

function told(text) {
  clearTimeout(silence);
  say("desk-said", text);
  silence = setTimeout(() => say("desk-said", ""), SAID_FOR);
}

/** Shows the queue, and the alert that is named. */
export async function show(id) {
  if (!door.isOpen()) return;
  say("desk-message", "");
  const came = met;
  try {
    if (!met && !(await begin())) return;
  } catch (error) {
    return failed(error);
  }
  if (id) return alert.show(id, queue.find(id), acts, failed);
  if (alert.hide()) queue.focus();
  else if (came) queue.lookAgain();
}

async function begin() {
  const loaded = queue.load(); // while the service says who this is
  if (!(await analyst.meet(() => queue.load().then(queue.focus)))) {
    queue.clear();
    say("desk-message", "This service keeps no alerts: ALERTS_URL is off. Orders can be scored by hand.");
    byId("desk").hidden = true;
    return false;
  }
  byId("desk").hidden = false;
  await loaded;
  met = true;
  return true;
}

/** Shows nothing more, once the key is gone. */
export function leave() {
  met = false;
  alert.hide();
  queue.clear();
}

/** Looks whether something came, while nothing is being done. */
export function lookAgain() {
  if (met && !document.querySelector("dialog[open]")) queue.lookAgain();
}

const open = (row) => row && (alert.current() ? views.stay("queue", row.id) : views.go("queue", row.id));

async function move(by) {
  const before = queue.atHand();
  const shown = alert.current();
  // An alert that was taken has left the list of new ones: what is at hand is the next one already.
  const row = shown && by > 0 && before && shown.id !== before.id ? before : await queue.move(by);
  if (!row || row.id === (shown ?? before)?.id) return told(by > 0 ? "This is the last one." : "This is the first one.");
  if (shown) open(row);
}

// What the keys act on: the alert that is shown, or the row at hand.
const subject = () => alert.current() ?? queue.atHand();

const take = () => once("take", subject(), (row) => `You have taken ${named(row)}.`);
const takeOver = () => once("take", subject(), (row) => `You have taken over ${named(row)}.`, { over: true });

function release() {
  const row = subject();
  if (row?.state === "closed") return once("reopen", row, () => `${named(row)} is open again, and yours.`);
  return once("release", row, () => `You have given ${named(row)} back.`);
}

async function close() {
  const many = alert.current() ? [] : queue.chosen();
  if (many.length > 1) return closeMany({ ids: many.map((row) => row.id) }, `${many.length} alerts`);
  const row = many[0] ?? subject();
  if (!row || !analyst.known()) return;
  if (row.state === "closed") return told(first(row));
  const given = await closing.ask(named(row));
  if (given) await once("close", row, () => `${named(row)} is closed as ${outcome(given.outcome)}.`, given);
}

// Where somebody else was first, the line is shown as it is now, with who and when.
async function once(verb, row, words, content) {
  if (!row || !analyst.known()) return;
  say("desk-message", "");
  let now;
  try {
    now = await act(row.id, verb, content);
    told(words(now));
  } catch (error) {
    now = error.problem?.alert;
    if (!now) return failed(error);
    say("desk-message", first(now));
  }
  queue.took(now);
  const shown = alert.current();
  await queue.load();
  if (!shown) return queue.focus();
  if (alert.current()?.id !== row.id) return;
  // After a close, the next one is shown.
  const next = queue.atHand();
  if (verb !== "close" || byId("desk-message").textContent) return alert.show(now.id, now, acts, failed);
  return next ? open(next) : back();
}

async function closeMany(which, what) {
  if (!analyst.known()) return;
  const given = await closing.ask(what);
  if (!given) return;
  say("desk-message", "");
  try {
    const { closed, refused } = await closeAll(which, given);
    told(`${closed.toLocaleString("en")} closed as ${outcome(given.outcome)}.`);
    if (refused.length) say("desk-message", `${refused.length.toLocaleString("en")} stay as they are, since somebody else has them: ${[...new Set(refused.map(({ who, reason }) => `${reason}${who ? ` by ${who}` : ""}`))].join(", ")}.`);
  } catch (error) {
    failed(error);
  }
  queue.choose(false);
  await queue.load();
  queue.focus();
}

function closeAllThatMatch() {
  const { sort, ...filter } = queue.wanted;
  return closeMany({ filter, expected: queue.total() }, `all ${queue.total().toLocaleString("en")} that match`);
}

function acts({ state, mine }) {
  const others = state === "taken" && !mine;
  return [
    ...(state === "new" ? [["take", "t", "Take", take]] : []),
    ...(others ? [["take", "T", "Take over", takeOver]] : []),
    ...(mine && state === "taken" ? [["release", "r", "Release", release]] : []),
    ...(state === "closed" ? [["reopen", "r", "Reopen", release]] : others ? [] : [["close", "c", "Close …", close]]),
    ["back", "Esc", "Back", back],
  ];
}

function back() {
  if (alert.current()) return views.go("queue");
  if (queue.chosen().length) queue.choose(false);
  queue.focus();
}

const turn = (state) => {
  if (alert.current()) views.go("queue");
  return queue.want({ state }).then(queue.focus);
};

async function save() {
  try {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await csv(queue.wanted)), download: `alerts-${queue.wanted.state}.csv` });
    link.click();
    URL.revokeObjectURL(link.href);
    told("The alerts that match are saved as a file.");
  } catch (error) {
    failed(error);
  }
}

const WHICH = { new: "new alerts", mine: "my alerts", taken: "those that others have taken", closed: "closed alerts" };
queue.begin(open, (error) => failed(error, true), answered);
listen([
  [["j", "ArrowDown"], "the next alert", () => move(1)],
  [["k", "ArrowUp"], "the alert before", () => move(-1)],
  [["o", "Enter"], "open it", () => open(queue.atHand())],
  [["Escape"], "back", back],
  [["t"], "take it", take],
  [["T"], "take it over from somebody else", takeOver],
  [["r"], "release it, or open it again", release],
  [["c"], "close it, or those that are selected", close],
  [["x", " "], "select it, or no longer", () => queue.toggle()],
  [["a"], "select all that are shown", () => queue.choose(true)],
  [["/"], "search", () => byId("search").focus()],
  ...["new", "mine", "taken", "closed"].map((state, place) => [[String(place + 1)], WHICH[state], () => turn(state)]),
  [["u"], "show what came since", () => queue.load()],
  [["?"], "these keys", help],
], () => views.current() === "queue" && met);
for (const button of document.querySelectorAll("[data-state]")) button.addEventListener("click", () => queue.want({ state: button.dataset.state }));
byId("filters-more").addEventListener("toggle", () => byId("filters-more").open && offer().catch(failed));
byId("keys-open").addEventListener("click", help);
byId("export").addEventListener("click", save);
byId("close-chosen").addEventListener("click", close);
byId("close-all").addEventListener("click", closeAllThatMatch);
