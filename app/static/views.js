// The views of the page. Which one is shown stands in the address after #, with what it shows: #/queue/ID. So a link leads there, and the browser's way back works.

import { byId } from "./dom.js";

const TITLES = { queue: "Alerts", precision: "Precision", score: "Score orders" };
const shows = {};
let now = null;

/** Calls `show` with what stands after the view's name, each time the view is shown. */
export const on = (view, show) => (shows[view] = show);

export const current = () => now;

// The view's name and what it shows. The slash after # sets them apart from the ids of the page's elements, such as those of an answer's sources, which leave the view as it is.
function place() {
  const [, name, what] = /^#\/(\w+)(?:\/(.*))?$/.exec(location.hash) ?? [];
  if (!Object.hasOwn(TITLES, name)) return [location.hash && now ? now : "queue", ""];
  try {
    return [name, decodeURIComponent(what ?? "")];
  } catch {
    return [name, ""]; // a broken link
  }
}

/** Shows the view that the address names. */
export function follow() {
  const [view] = place();
  const moved = now !== null && now !== view;
  now = view;
  document.title = `orderguard: ${TITLES[view].toLowerCase()}`;
  byId("title").textContent = TITLES[view];
  for (const name of Object.keys(TITLES)) {
    byId(`view-${name}`).hidden = name !== view;
    const link = document.querySelector(`.bar a[href="#/${name}"]`);
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  if (moved) byId("title").focus();
}

/** Asks the service for what the shown view shows. */
export function shown() {
  return shows[now](place()[1]);
}

const address = (view, what) => `#/${view}${what ? `/${encodeURIComponent(what)}` : ""}`;

/** Goes to a view, as a link does. */
export const go = (view, what = "") => (location.hash = address(view, what));

/** Shows something else in the same view: the browser's way back leads to where it was entered. */
export function stay(view, what) {
  history.replaceState(null, "", address(view, what));
  return shown();
}

window.addEventListener("hashchange", () => {
  follow();
  if (/^(#\/|$)/.test(location.hash)) shown();
});
