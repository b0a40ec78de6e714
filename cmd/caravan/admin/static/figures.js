// Figures of /metrics: what Prometheus's text format says, and what two looks at it say together.

const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// parse returns the series of a text, by name: each has labels and a value.
export function parse(text) {
  const series = new Map();
  for (const line of text.split("\n")) {
    const found = sample.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] || "").matchAll(label)) labels[name] = value;
    if (!series.has(found[1])) series.set(found[1], []);
    series.get(found[1]).push({ labels, value: Number(found[3]) });
  }
  return series;
}

// Look is what /metrics said at one time.
export class Look {
  constructor(text, at) {
    this.series = parse(text);
    this.at = at;
  }

  // sum adds up the series of a name to which the labels apply that are given.
  sum(name, labels = {}) {
    let sum = 0;
    for (const s of this.series.get(name) || []) {
      if (Object.entries(labels).every(([k, v]) => s.labels[k] === v)) sum += s.value;
    }
    return sum;
  }

  has(name) { return this.series.has(name); }

  // by returns the sums of a name by one of its labels.
  by(name, key) {
    const sums = new Map();
    for (const s of this.series.get(name) || []) sums.set(s.labels[key], (sums.get(s.labels[key]) || 0) + s.value);
    return sums;
  }

  // buckets are those of a histogram, by their bounds: [bound, how many are not above it].
  buckets(name, labels) {
    const sums = new Map();
    for (const s of this.series.get(name + "_bucket") || []) {
      if (!Object.entries(labels).every(([k, v]) => s.labels[k] === v)) continue;
      const bound = s.labels.le === "+Inf" ? Infinity : Number(s.labels.le);
      sums.set(bound, (sums.get(bound) || 0) + s.value);
    }
    return [...sums].sort((a, b) => a[0] - b[0]);
  }

  first(name) { return (this.series.get(name) || [])[0]; }
}

// rate is by how much a total grew in a second; 0 where the server has started anew between.
export function rate(before, now, name, labels) {
  const seconds = (now.at - before.at) / 1000;
  return seconds > 0 ? Math.max(0, now.sum(name, labels) - before.sum(name, labels)) / seconds : 0;
}

// grown are the values of a label by how much their totals grew, the largest first.
export function grown(before, now, name, key) {
  const was = before.by(name, key);
  return [...now.by(name, key)]
    .map(([value, total]) => [value, Math.max(0, total - (was.get(value) || 0))])
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1]);
}

// quantile is that of what a histogram saw between two looks, in its unit; null: nothing.
export function quantile(before, now, name, q, labels = {}) {
  const was = before.buckets(name, labels);
  const buckets = now.buckets(name, labels).map(([bound, n], i) => [bound, n - (was[i] ? was[i][1] : 0)]);
  const all = buckets.length ? buckets[buckets.length - 1][1] : 0;
  if (all <= 0) return null;
  let below = 0, from = 0;
  for (const [bound, n] of buckets) {
    if (n >= q * all) {
      if (!Number.isFinite(bound)) return from;
      return from + (bound - from) * (n > below ? (q * all - below) / (n - below) : 1);
    }
    below = n;
    from = bound;
  }
  return from;
}
