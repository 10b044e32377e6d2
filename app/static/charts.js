// Small SVG charts. Each has a title and a description that says in words what it shows.

const NS = "http://www.w3.org/2000/svg";
let count = 0;

export function element(name, attributes = {}, ...children) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

function picture(width, height, title, description) {
  const id = `chart-${++count}`;
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-title ${id}-desc` },
    element("title", { id: `${id}-title` }, title),
    element("desc", { id: `${id}-desc` }, description),
  );
}

/** The reference orders' scores as a histogram (density on a root scale, equal-frequency bins), the threshold, and this order's score. */
export function placeChart(distribution, score, threshold, width) {
  const [height, base, top] = [190, 150, 22];
  const total = distribution.counts.reduce((sum, n) => sum + n, 0) || 1;
  const edges = [0, ...distribution.edges, 1];
  const density = distribution.counts.map((n, i) => (edges[i + 1] > edges[i] ? n / total / (edges[i + 1] - edges[i]) : 0));
  const highest = Math.max(...density, 1e-9);
  const x = (value) => 8 + value * (width - 16);
  const words = `The score is ${score.toFixed(3)}, the threshold ${threshold.toFixed(3)}; most reference orders have low scores.`;
  const svg = picture(width, height, "Where the score lies", words);
  density.forEach((d, i) => {
    const h = Math.sqrt(d / highest) * (base - top);
    svg.append(element("rect", { x: x(edges[i]), y: base - h, width: Math.max(0.5, x(edges[i + 1]) - x(edges[i]) - 0.6), height: h, class: "bar-fill" }));
  });
  svg.append(
    element("line", { x1: x(0), x2: x(1), y1: base, y2: base, class: "rule" }),
    element("line", { x1: x(threshold), x2: x(threshold), y1: top - 6, y2: base, class: "limit" }),
    element("text", { x: x(threshold), y: base + 16, "text-anchor": "middle", class: "quiet-text" }, `threshold ${threshold.toFixed(2)}`),
    element("line", { x1: x(score), x2: x(score), y1: top - 6, y2: base, class: "here" }),
    element("circle", { cx: x(score), cy: top - 8, r: 5, class: "here-dot" }),
    element("text", { x: x(score) + (score > 0.75 ? -10 : 10), y: top - 4, "text-anchor": score > 0.75 ? "end" : "start" }, `this order ${score.toFixed(3)}`),
    element("text", { x: x(0), y: base + 34, class: "quiet-text" }, "0 usual"),
    element("text", { x: x(1), y: base + 34, "text-anchor": "end", class: "quiet-text" }, "1 anomalous"),
  );
  return svg;
}

/** A series of PSI values over time, with the limit that noise stays under. */
export function driftLine(name, values, limit, moved) {
  const [width, height] = [130, 30];
  const highest = Math.max(...values, limit * 1.2, 1e-6);
  const y = (value) => height - 3 - (value / highest) * (height - 6);
  const step = (width - 6) / Math.max(values.length - 1, 1);
  const last = values.at(-1) ?? 0;
  const svg = picture(width, height, `PSI of ${name}`, `now ${last.toFixed(3)}, ${values.length} values`);
  svg.setAttribute("class", "spark");
  svg.append(
    element("line", { x1: 3, x2: width - 3, y1: y(limit), y2: y(limit), class: "limit" }),
    element("polyline", { points: values.map((v, i) => `${3 + i * step},${y(v)}`).join(" "), class: moved ? "series moved" : "series" }),
    element("circle", { cx: 3 + (values.length - 1) * step, cy: y(last), r: 2.5, class: moved ? "towards" : "away" }),
  );
  return svg;
}

/** A small bar for a score in a table row; the number stands beside it, so it is hidden from screen readers. */
export function meter(score, anomaly) {
  const svg = element("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", class: "meter", "aria-hidden": "true" });
  svg.append(
    element("rect", { width: 100, height: 8, rx: 2, class: "track" }),
    element("rect", { width: Math.max(1, score * 100), height: 8, rx: 2, class: anomaly ? "towards" : "away" }),
  );
  return svg;
}

/** A column a week: the share of alerts with an outcome that were right, with a whisker for where it lies with 95 % certainty. */
export function weekChart(weeks, width) {
  const [height, base, top, left] = [190, 150, 18, 46];
  const words = weeks.map((week) => `${week.value}: ${week.precision === null ? "no outcome" : `${Math.round(100 * week.precision)} % of ${week.fraud + week.mistake + week.genuine}`}`).join("; ");
  const svg = picture(width, height, "Alerts that were right, by week", words);
  const step = (width - left - 8) / Math.max(weeks.length, 1);
  const y = (share) => base - share * (base - top);
  for (const share of [0, 0.5, 1]) {
    svg.append(element("line", { x1: left, x2: width - 8, y1: y(share), y2: y(share), class: "rule" }),
      element("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end", class: "quiet-text" }, `${100 * share} %`));
  }
  const named = Math.ceil(64 / step);
  weeks.forEach(({ value, precision, low, high }, place) => {
    const x = left + (place + 0.5) * step, half = Math.min(step * 0.35, 22);
    if (precision !== null) {
      svg.append(element("rect", { x: x - half, y: y(precision), width: 2 * half, height: Math.max(1, base - y(precision)), class: "bar-fill" }),
        element("line", { x1: x, x2: x, y1: y(low), y2: y(high), class: "here" }));
    }
    if ((weeks.length - 1 - place) % named === 0) svg.append(element("text", { x, y: base + 20, "text-anchor": "middle", class: "quiet-text" }, value));
  });
  return svg;
}
