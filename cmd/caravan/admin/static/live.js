// The page of the admin port: it looks at /metrics every two seconds, and shows what this node
// does. It keeps five minutes.

import { Look, grown, quantile, rate } from "./figures.js";
import { lanes, rows, tile } from "./view.js";

const every = 2000; // milliseconds
const looksKept = 150;
const quantileLooks = 15; // half a minute
const nodesEvery = 5;     // looks

const looks = [];
let first = null;
let count = 0;

const byID = (id) => document.getElementById(id);

const number = (n) => (Number.isInteger(n) || n >= 100 ? Math.round(n).toLocaleString("en") : n >= 10 ? n.toFixed(0) : n > 0 ? n.toPrecision(2) : "0");
const bytes = (n) => {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
};
const time = (seconds) => {
  if (seconds === null) return "–";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(1)} s`;
};
const several = (n, what) => `${number(n)} ${what}${n === 1 ? "" : "s"}`;
const ago = (seconds) => {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"]];
  for (const [unit, name] of parts) if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name}`;
  return `${Math.round(seconds)} s`;
};

// tiles are what is drawn over time: of two looks, one after the other.
const tiles = [
  { name: "Connections", of: (_, now) => now.sum("caravan_connections"), show: number,
    more: (_, now) => `${several(now.sum("caravan_rooms"), "room")}, ${number(now.sum("caravan_http_connections"))} HTTP` },
  { name: "Messages committed", unit: "/s", of: (was, now) => rate(was, now, "caravan_messages_total"), show: number,
    more: (was, now) => `${number(rate(was, now, "caravan_received_messages_total"))}/s frames received` },
  { name: "Deliveries", unit: "/s", of: (was, now) => rate(was, now, "caravan_deliveries_total"), show: number,
    more: (was, now) => `${bytes(rate(was, now, "caravan_sent_bytes_total"))}/s sent` },
  { name: "Commit, 99th percentile", of: (was, now) => quantile(was, now, "caravan_commit_seconds", 0.99), show: time, over: quantileLooks,
    more: (was, now) => `median ${time(quantile(was, now, "caravan_commit_seconds", 0.5))}` },
  { name: "Frame to socket, 99th percentile", of: (was, now) => quantile(was, now, "caravan_stage_seconds", 0.99, { stage: "all" }), show: time, over: quantileLooks,
    more: (was, now) => `median ${time(quantile(was, now, "caravan_stage_seconds", 0.5, { stage: "all" }))}` },
  { name: "REST, 99th percentile", of: (was, now) => restQuantile(was, now, 0.99), show: time, over: quantileLooks,
    more: (was, now) => `${number(rate(was, now, "caravan_rest_requests_total"))}/s calls` },
  { name: "Turned away", unit: "/s", of: (was, now) => rate(was, now, "caravan_connects_refused_total"), show: number,
    more: (was, now) => `${number(rate(was, now, "caravan_connects_total"))}/s connects` },
  { name: "Memory", of: (_, now) => now.sum("caravan_memory_bytes"), show: bytes,
    more: (_, now) => `of ${bytes(now.sum("caravan_memory_bytes_max"))}` },
];

// restQuantile leaves out long polls, which wait for somebody to write.
function restQuantile(was, now, q) {
  const without = (look) => {
    const copy = Object.create(look);
    copy.series = new Map([["r_bucket", (look.series.get("caravan_rest_request_seconds_bucket") || []).filter((s) => s.labels.route !== "long_poll")]]);
    return copy;
  };
  return quantile(without(was), without(now), "r", q);
}

// draw shows what is known.
function draw() {
  const now = looks[looks.length - 1];
  const was = looks[Math.max(0, looks.length - 2)];
  for (const t of tiles) {
    const back = t.over || 1;
    const at = (i) => t.of(looks[Math.max(0, i - back)], looks[i]);
    const then = looks[Math.max(0, looks.length - 1 - back)];
    const value = at(looks.length - 1);
    tile(byID("tiles"), t.name, t.show(value ?? null), value === null ? "" : t.unit || "", t.more(then, now), looks.slice(1).map((_, i) => at(i + 1) ?? 0));
  }
  lanes(byID("lanes"), [...now.by("caravan_lane_queue_length", "lane")], number);
  const slow = [
    ["clients that do not read now", now.sum("caravan_stalled_connections"), number],
    ["bytes that wait for them", now.sum("caravan_outbox_bytes"), bytes],
    ["clients not read, as they sent too much", now.sum("caravan_paused_connections"), number],
    ["clients closed as too slow, in 5 min", looks[0] === now ? 0 : now.sum("caravan_close_causes_total", { cause: "slow" }) - looks[0].sum("caravan_close_causes_total", { cause: "slow" }), number],
    ["deliveries dropped for them, in 5 min", Math.max(0, now.sum("caravan_drops_total", { reason: "slow" }) - looks[0].sum("caravan_drops_total", { reason: "slow" })), number],
  ];
  rows(byID("slow"), null, slow.map(([what, n, show]) => ({ cells: [what, show(Math.max(0, n))], numbers: true, bad: what.includes("closed") && n > 0 })));
  const counted = (name, key, none) => {
    const list = grown(first, now, name, key).slice(0, 8).map(([what, n]) => ({ cells: [what, number(n)], numbers: true }));
    return list.length ? list : [{ cells: [none, ""] }];
  };
  rows(byID("refused"), null, counted("caravan_connects_refused_total", "reason", "nobody"));
  rows(byID("causes"), null, counted("caravan_close_causes_total", "cause", "none"));
  about(now);
}

// about says what runs.
function about(now) {
  const build = now.first("caravan_build_info");
  const started = now.sum("process_start_time_seconds");
  const parts = [];
  if (build) parts.push(build.labels.version);
  if (started) parts.push(`up ${ago(now.at / 1000 - started)}`);
  parts.push(now.sum("caravan_database_up") ? "database up" : "database away");
  if (now.has("caravan_backplane_healthy")) parts.push(now.sum("caravan_backplane_healthy") ? "Redis carries notices" : "Redis carries no notices");
  byID("about").textContent = parts.join(" · ");
}

// state says whether the node is ready, and why not.
function state(text, good) {
  const p = byID("state");
  if (p.textContent !== text) p.textContent = text; // it is read aloud
  p.className = `state ${good ? "good" : "bad"}`;
}

async function look() {
  try {
    const text = await (await fetch("metrics", { cache: "no-store" })).text();
    const ready = await (await fetch("readyz", { cache: "no-store" })).json();
    state(ready.ready ? "ready" : ready.reasons.join(", "), ready.ready);
    looks.push(new Look(text, Date.now()));
    if (looks.length > looksKept) looks.shift();
    first = first || looks[0];
    draw();
    if (count++ % nodesEvery === 0) await nodes();
  } catch {
    state("does not answer", false);
  }
  setTimeout(look, every);
}

// nodes lists those that share a Redis with this one.
async function nodes() {
  const res = await fetch("nodes", { cache: "no-store" });
  const is = await res.json();
  byID("node").textContent = is.name || "";
  if (!res.ok || !is.nodes.length) {
    rows(byID("nodes"), null, [{ cells: [is.detail || "none"] }]);
    return;
  }
  rows(byID("nodes"), ["node", "state", "connections", "rooms", "up", "seen", "version"], is.nodes.map((n) => ({
    cells: [n.name, n.ready ? "ready" : "not ready", number(n.connections), number(n.rooms), ago(n.up_seconds), `${ago(n.seen_seconds_ago)} ago`, n.version],
    warn: !n.ready,
  })));
}

look();
