// The calls to the service about alerts; /docs tells what they take and give.

import { download, get, post } from "./api.js";

export const PAGE = 50;

const asked = (wanted) => new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();

/** A page of the queue: its rows, how many match, how many are new, mine, taken and closed, and where the next page begins. */
export const page = (wanted, cursor, signal) => get(`/v1/alerts?${asked({ ...wanted, limit: PAGE, cursor })}`, signal);

/** What there is to filter by. */
export const choices = () => get("/v1/alerts/choices");

/** One alert, with its order, its like and what happened to it. */
export const one = (id, signal) => get(`/v1/alerts/${encodeURIComponent(id)}`, signal);

/** Takes, releases, closes or reopens an alert. Gives its row as it is then; where somebody else was first, the error's problem has it. */
export const act = async (id, verb, content = {}) => (await post(`/v1/alerts/${encodeURIComponent(id)}/${verb}`, content)).json();

/** Closes several: those of `{ ids }`, or all of `{ filter, expected }`. Gives how many, and those that were refused. */
export const closeAll = async (which, content) => (await post("/v1/alerts/close", { ...which, ...content })).json();

/** All that match, as CSV. */
export const csv = (wanted) => download(`/v1/alerts.csv?${asked(wanted)}`);

/** How many alerts were right, by `week`, `reason`, `model_version` or `decided_by`. */
export const precision = (by) => get(`/v1/precision?by=${by}&weeks=12`);

/** Who the service takes the caller for, and whether it keeps alerts. */
export const me = () => get("/v1/me");
