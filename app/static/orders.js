// Orders as a person brings them: pasted, or in a file, which may be packed and long.

import { ServiceError } from "./api.js";

/** Splits a text into one JSON text an order, and says where each stands. Throws `ServiceError` where nothing of it is JSON. */
export function split(text) {
  const trimmed = text.trim();
  if (trimmed === "") return { texts: [], where: () => "" };
  let value;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    return byLine(text, error);
  }
  const orders = Array.isArray(value) ? value : [value];
  return { texts: orders.map((order) => JSON.stringify(order)), where: (place) => `order ${place + 1}` };
}

// A line that is no order is told by the service, with its reason, beside the orders of the others.
function byLine(text, error) {
  const numbers = [], texts = [];
  text.split(/\r?\n/).forEach((line, place) => {
    if (line.trim() === "") return;
    numbers.push(place + 1);
    texts.push(line);
  });
  const some = texts.length > 1 && texts.some(isOrder);
  if (!some) throw new ServiceError(`This is not JSON${at(error.message)}. Paste one order, an array of orders, or one order a line.`);
  return { texts, where: (place) => `line ${numbers[place]}` };
}

function isOrder(line) {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}

function at(message) {
  const place = /line (\d+) column (\d+)/.exec(message);
  return place ? `: something is wrong in line ${place[1]}, at character ${place[2]}` : "";
}

const TYPES = { int: "a whole number", float: "a number", str: "a text", object: "an object", array: "a list", bool: "true or false", datetime: "a moment" };

const FORMS = { "^[A-Z]{3}$": "three capital letters, such as EUR", "^[A-Z]{2}$": "two capital letters, such as DE", "\\S": "a text that is not blank" };

/** Why an order can't be used, for a person: "line 4: currency is missing". */
export function whyNot({ field, error }) {
  if (error === "required field is missing") return `${field} is missing`;
  const form = FORMS[/matching regex '(.+)'$/.exec(error)?.[1]];
  if (form) return `${field} must be ${form}`;
  const expected = /^expected `(\w+)(?: \| null)?`/.exec(error);
  const what = expected ? `must be ${TYPES[expected[1]] ?? `of the kind ${expected[1]}`}` : error.replaceAll("`", "");
  const bound = /^expected `(\w+)(?: \| null)?`(?: \| `null`)? (.+)$/.exec(error);
  const whole = bound && !bound[2].startsWith(", got") ? `${what} ${limit(bound[1], bound[2])}` : what;
  return field ? (expected ? `${field} ${whole}` : `${field}: ${whole}`) : whole;
}

// "of at least 1", "with at most 200 characters"; what is no limit stays as it is.
function limit(type, bound) {
  const [, long, side, number] = /^(of length )?(>=|<=|>|<) (.+)$/.exec(bound) ?? [];
  if (!side) return bound;
  const count = Number(number).toLocaleString("en", { maximumFractionDigits: 20 });
  const unit = { str: "character", array: "entry" }[type] ?? "entry";
  const many = number === "1" ? unit : unit === "entry" ? "entries" : `${unit}s`;
  const words = { ">=": "at least", "<=": "at most", ">": "more than", "<": "less than" }[side];
  return long ? `with ${words} ${count} ${many}` : type === "str" ? bound : `of ${words} ${count}`;
}

/** Whether a text begins with an order as the service takes it; else it is a table or a shop's own JSON. */
export function isOwn(text) {
  if (!/^\s*[{[]/.test(text)) return false;
  return /"order_id"\s*:/.test(text.slice(0, 20_000)) && /"items"\s*:/.test(text.slice(0, 200_000));
}

/** A file's content as a blob, unpacked where it is packed. Throws `ServiceError`. */
export async function contentOf(file) {
  try {
    const packed = file.name.endsWith(".gz");
    return packed ? await new Response(file.stream().pipeThrough(new DecompressionStream("gzip"))).blob() : file;
  } catch {
    throw new ServiceError(`The file ${file.name} can’t be read.`);
  }
}
