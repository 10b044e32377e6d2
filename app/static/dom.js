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
