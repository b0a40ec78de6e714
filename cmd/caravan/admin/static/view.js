// What the page is made of. Nothing here is read as markup.

const svg = "http://www.w3.org/2000/svg";

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

// tile shows a figure and how it went. The tile of a name is made once.
export function tile(parent, name, value, unit, detail, line) {
  let t = [...parent.children].find((c) => c.dataset.name === name);
  if (!t) {
    t = element("article", "tile");
    t.dataset.name = name;
    const chart = document.createElementNS(svg, "svg");
    chart.setAttribute("viewBox", "0 0 100 30");
    chart.setAttribute("preserveAspectRatio", "none");
    chart.setAttribute("aria-hidden", "true");
    chart.append(document.createElementNS(svg, "path"), document.createElementNS(svg, "polyline"));
    t.append(element("h2", "", name), element("p", "value"), element("p", "detail"), chart);
    parent.append(t);
  }
  const [, figure, more, chart] = t.children;
  figure.replaceChildren(document.createTextNode(value), element("small", "", unit));
  more.textContent = detail;
  if (line.length) draw(chart, line);
}

const least = 15; // values for the whole width: fewer stand at the right

// draw draws values, the latest at the right edge, from 0 to the greatest.
function draw(chart, values) {
  const most = Math.max(least, values.length);
  const top = Math.max(...values, 1e-9);
  const x = (i) => 100 - ((values.length - 1 - i) * 100) / (most - 1);
  const points = values.map((v, i) => `${x(i).toFixed(2)},${(28 - (26 * v) / top).toFixed(2)}`);
  chart.children[0].setAttribute("d", `M${x(0).toFixed(2)},30 L${points.join(" L")} L100,30 Z`);
  chart.children[1].setAttribute("points", points.join(" "));
}

// rows fills a table. A row has cells, and says whether it is bad.
export function rows(table, heads, list) {
  const body = document.createElement("tbody");
  for (const row of list) {
    const tr = element("tr", row.bad ? "bad" : row.warn ? "warn" : "");
    row.cells.forEach((text, i) => tr.append(element("td", row.numbers && i > 0 ? "number" : "", text)));
    body.append(tr);
  }
  const parts = [body];
  if (heads) {
    const head = document.createElement("thead");
    const tr = document.createElement("tr");
    for (const text of heads) tr.append(element("th", "", text));
    head.append(tr);
    parts.unshift(head);
  }
  table.replaceChildren(...parts);
}

// lanes shows how much waits in each.
export function lanes(parent, list, show) {
  const most = Math.max(100, ...list.map(([, n]) => n));
  parent.replaceChildren(...list.map(([lane, n]) => {
    const row = element("div", "lane");
    const bar = element("span", "bar");
    const part = element("i");
    part.style.width = `${(100 * n) / most}%`;
    bar.append(part);
    row.append(element("span", "", `lane ${lane}`), bar, element("b", "", show(n)));
    return row;
  }));
}
