// Small helpers for the page's elements.

export const byId = (id) => document.getElementById(id);

export function html(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

// A live region is read out when it changes: leave it alone when it doesn't.
export function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** A table whose rows are lists of cells, the first of them a row's head; a cell is a text, a node, or a list of both. On a narrow screen each cell stands on a line of its own, behind its column's name. */
export function table(caption, columns, rows) {
  const heads = columns.map((text) => html("th", { scope: "col", textContent: text }));
  const body = rows.map((cells) => html("tr", {}, ...cells.map((content, place) => {
    const cell = html(place ? "td" : "th", place ? {} : { scope: "row" }, ...[content].flat());
    cell.dataset.label = columns[place];
    return cell;
  })));
  return html("table", { className: "lines" }, html("caption", { textContent: caption }), html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...body));
}

/** What stands below a cell's text, in small. */
export const beside = (text) => (text ? [html("span", { className: "beside", textContent: text })] : []);

/** A list of terms and what they are, without those that are nothing. */
export function facts(pairs) {
  const told = pairs.filter(([, text]) => text);
  return html("dl", { className: "facts" }, ...told.flatMap(([term, text]) => [html("dt", { textContent: term }), html("dd", {}, ...[text].flat())]));
}
