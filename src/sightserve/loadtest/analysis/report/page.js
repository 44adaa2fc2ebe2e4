"use strict";
const run = JSON.parse(document.getElementById("data").textContent);
const NS = "http://www.w3.org/2000/svg";
const whole = (n) => Math.round(n).toLocaleString("en");
const number = (n) => (n === null || n === undefined ? "–" : Math.abs(n) >= 100 ? whole(n) : Number.isInteger(n) ? String(n) : Math.abs(n) >= 10 ? n.toFixed(1) : n.toFixed(2));
const time = (s) => (s === null || s === undefined ? "–" : s === 0 ? "0" : s >= 10 ? s.toFixed(1) + " s" : s >= 1 ? s.toFixed(2) + " s" : (s * 1000).toFixed(s < 0.01 ? 1 : 0) + " ms");
const clock = (s) => (run.seconds >= 600 ? Math.round(s / 60) + " min" : Math.round(s) + " s");
const share = (s) => (s * 100).toFixed(s > 0 && s < 0.001 ? 3 : s < 0.1 ? 2 : 1) + " %";

function tag(name, attributes = {}, ...children) {
  const element = name.startsWith("svg:") ? document.createElementNS(NS, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}
const color = (name) => `var(--${name})`;

// Ticks at 1, 2 or 5 times a power of ten, at most `most` of them.
function ticks(top, most) {
  if (!(top > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(top / most));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => top / s <= most);
  const found = [];
  for (let at = 0; at < top + step * 0.999; at += step) found.push(at);
  return found;
}

const charts = [];
/* One chart. series: {name, color, points: [[x, y|null], ...], fill, dash}; stacked: areas on top of each other. */
function chart(where, { title, why, series, format, stacked = false, goal = null, x = clock, marks = [] }) {
  const shown = series.filter((s) => s.points.some(([, y]) => y !== null && y !== undefined));
  if (!shown.length) return;
  const box = tag("div", { class: "chart" }, tag("h2", {}, title), why ? tag("p", { class: "why" }, why) : null);
  const legend = tag("div", { class: "legend" });
  for (const s of shown) {
    const dot = tag("i"); dot.style.background = color(s.color);
    legend.append(tag("span", {}, dot, s.name));
  }
  if (shown.length > 1) box.append(legend);
  const drawing = tag("svg:svg", { role: "img", "aria-label": `${title}. ${shown.map((s) => s.name).join(", ")}.` });
  const tip = tag("div", { class: "tip" });
  box.append(drawing, tip);
  where.append(box);
  charts.push({ draw });

  function draw() {
    const width = Math.max(240, drawing.clientWidth || box.clientWidth - 32), height = width < 420 ? 180 : 210;
    const edge = { left: 52, right: 14, top: 14, bottom: 26 };
    drawing.replaceChildren();
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.style.height = height + "px";
    const xs = shown.flatMap((s) => s.points.map((p) => p[0]));
    const left = Math.min(...xs), right = Math.max(...xs, left + 1e-9);
    const sums = stacked ? shown[0].points.map((_, i) => shown.reduce((sum, s) => sum + (s.points[i][1] || 0), 0)) : [];
    const ys = stacked ? sums : shown.flatMap((s) => s.points.map((p) => p[1]).filter((y) => y !== null && y !== undefined));
    const highest = Math.max(...ys, 0);
    const lines = ticks(goal !== null && goal < highest * 3 ? Math.max(highest, goal) : highest, 5), top = lines[lines.length - 1] || 1;
    const px = (v) => edge.left + ((v - left) / (right - left)) * (width - edge.left - edge.right);
    const py = (v) => height - edge.bottom - (v / top) * (height - edge.top - edge.bottom);
    for (const line of lines) {
      drawing.append(tag("svg:line", { x1: edge.left, x2: width - edge.right, y1: py(line), y2: py(line), stroke: color("grid") }));
      const label = tag("svg:text", { x: edge.left - 7, y: py(line) + 4, "text-anchor": "end" });
      label.textContent = format(line);
      drawing.append(label);
    }
    for (const at of ticks(right, Math.max(3, Math.floor(width / 90))).filter((t) => t >= left && t <= right)) {
      const anchor = px(at) > width - 45 ? "end" : "middle";
      const label = tag("svg:text", { x: px(at), y: height - 7, "text-anchor": anchor });
      label.textContent = x(at);
      drawing.append(label);
    }
    const below = shown[0].points.map(() => 0);
    for (const s of shown) {
      if (stacked) {
        const base = s.points.map((p, i) => [px(p[0]), py(below[i])]);
        s.points.forEach((p, i) => (below[i] += p[1] || 0));
        const roof = s.points.map((p, i) => [px(p[0]), py(below[i])]);
        const path = "M" + roof.concat(base.reverse()).map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L") + "Z";
        drawing.append(tag("svg:path", { d: path, fill: color(s.color), "fill-opacity": 0.75 }));
        continue;
      }
      let path = "", pen = false;
      for (const [at, value] of s.points) {
        if (value === null || value === undefined) { pen = false; continue; }
        path += `${pen ? "L" : "M"}${px(at).toFixed(1)} ${py(value).toFixed(1)}`;
        pen = true;
      }
      const style = { d: path, fill: "none", stroke: color(s.color), "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round" };
      if (s.dash) style["stroke-dasharray"] = "5 4";
      drawing.append(tag("svg:path", style));
    }
    if (goal !== null && goal <= top) upright(false, goal, "goal " + format(goal), "failed");
    for (const mark of marks) if (mark.at >= left && mark.at <= right) upright(true, mark.at, mark.text, "refused");
    const cursor = tag("svg:line", { y1: edge.top, y2: height - edge.bottom, stroke: color("soft"), "stroke-width": 1, opacity: 0 });
    drawing.append(cursor);

    function upright(vertical, value, text, name) {
      const at = vertical ? px(value) : py(value);
      const ends = vertical ? { x1: at, x2: at, y1: edge.top - 4, y2: height - edge.bottom } : { x1: edge.left, x2: width - edge.right, y1: at, y2: at };
      drawing.append(tag("svg:line", { ...ends, stroke: color(name), "stroke-width": 1.5, "stroke-dasharray": "4 3" }));
      const late = vertical && at > width * 0.7;
      const place = vertical ? { x: at + (late ? -5 : 5), y: edge.top + 4, "text-anchor": late ? "end" : "start" } : { x: width - edge.right, y: at - 4, "text-anchor": "end" };
      const label = tag("svg:text", { ...place, style: `fill: ${color(name)}; font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px` });
      label.textContent = text;
      drawing.append(label);
    }
    drawing.onpointerleave = () => { tip.style.opacity = 0; cursor.setAttribute("opacity", 0); };
    drawing.onpointermove = (event) => {
      const here = left + ((event.offsetX - edge.left) / (width - edge.left - edge.right)) * (right - left);
      const points = shown[0].points;
      let near = 0;
      points.forEach((p, i) => { if (Math.abs(p[0] - here) < Math.abs(points[near][0] - here)) near = i; });
      const at = points[near][0];
      cursor.setAttribute("x1", px(at)); cursor.setAttribute("x2", px(at)); cursor.setAttribute("opacity", 0.6);
      tip.replaceChildren(tag("b", {}, x(at)));
      for (const s of shown) {
        const found = s.points.find((p) => p[0] === at);
        if (found && found[1] !== null && found[1] !== undefined) tip.append(tag("br"), `${s.name}: ${format(found[1])}`);
      }
      tip.style.opacity = 1;
      tip.style.top = `${drawing.offsetTop + 12}px`;
      tip.style.left = `${Math.min(Math.max(8, drawing.offsetLeft + px(at) + 10), box.clientWidth - tip.offsetWidth - 8)}px`;
    };
  }
}

function card(value, text, state = "") {
  document.getElementById("cards").append(tag("div", { class: `card ${state}` }, tag("b", {}, value), tag("span", {}, text)));
}

function head() {
  const halves = [run.plan.backend && "the API", run.plan.frontend && "the web app"].filter(Boolean).join(" and ");
  const shapes = { steady: "steady load", ramp: "a ramp until it breaks", spike: "a spike", arrivals: "open-loop arrivals" };
  document.getElementById("title").textContent = `${halves[0].toUpperCase()}${halves.slice(1)}, under ${shapes[run.plan.shape]}`;
  const load = run.plan.shape === "arrivals" ? `${run.plan.rps} requests a second` : `up to ${whole(Math.max(0, ...run.timeline.map((r) => r.users)))} users`;
  document.getElementById("about").textContent =
    `${[run.plan.backend, run.plan.frontend].filter(Boolean).join(" and ")} · ${load} · ${clock(run.seconds)} · ${run.began.replace("T", " ").replace("Z", " UTC")}`;
  const { count, ok, refused, failed } = run.totals;
  card(number(ok / run.seconds), "good requests a second");
  for (const [half, f] of Object.entries(run.halves)) card(time(f.p95), `${half}: 95 of 100 answers within`);
  card(whole(refused), `refused of ${whole(count)}`);
  card(whole(failed), `failed of ${whole(count)}`);
  for (const goal of run.goals) {
    const shares = ["failures", "refusals"].includes(goal.goal), format = shares ? share : time;
    card(goal.measured === null ? "–" : format(goal.measured), `goal: ${goal.goal} at most ${format(goal.limit)} · ${goal.met ? "kept" : "missed"}`, goal.met ? "met" : "missed");
  }
  const note = document.getElementById("knee");
  note.hidden = run.plan.shape !== "ramp";
  if (!note.hidden && !run.knee) note.append(tag("b", {}, "No knee: "), "the goals were kept with every load there was. A higher --users or a longer --run-time goes on.");
  if (run.knee) {
    note.append(tag("b", {}, "The knee: "), run.knee.users
      ? `${number(run.knee.answers_s)} answers a second with ${whole(run.knee.users)} users, after ${clock(run.knee.at)}. Beyond it, ${run.knee.broken}.`
      : `the goals were never kept: ${run.knee.broken}.`);
  }
}

function pictures() {
  const where = document.getElementById("charts"), rows = run.timeline, step = run.step;
  const marks = run.knee ? [{ at: run.knee.at, text: "knee" }] : [];
  const full = rows.length > 1 ? rows.slice(0, -1) : rows; // the last step is not whole
  const per = (name) => full.map((r) => [r.t, r[name] / step]);
  chart(where, {
    title: "Requests a second", why: "How every request ended. Refused: the server said at once that it had too much to do.",
    stacked: true, format: number, marks,
    series: [["good", "ok", "ok"], ["refused", "refused", "refused"], ["failed", "failed", "failed"]]
      .filter(([, key], i) => i === 0 || run.totals[key]).map(([name, key, c]) => ({ name, color: c, points: per(key) })),
  });
  chart(where, { title: run.plan.shape === "arrivals" ? "Requests under way" : "Users", why: "How many were there at once.", format: number, marks,
    series: [{ name: "users", color: "users", points: full.map((r) => [r.t, r.users]) }].filter(() => run.plan.shape !== "arrivals") });
  for (const half of Object.keys(run.halves)) {
    chart(where, {
      title: `${half}: time to the answer`, why: half === "API" ? "From sending the photo to the whole answer." : "From pressing the button to the label on the page.",
      format: time, goal: run.limits.p95, marks,
      series: ["p99", "p95", "p50"].map((p) => ({ name: { p50: "half of them", p95: "95 of 100", p99: "99 of 100" }[p], color: p, points: full.map((r) => [r.t, r.halves[half] ? r.halves[half][p] : null]) })),
    });
  }
  if (run.plan.shape === "ramp") {
    for (const half of Object.keys(run.halves)) {
      const by = new Map();
      for (const r of full) if (r.halves[half] && r.halves[half].p95 !== null) by.set(r.users, [...(by.get(r.users) || []), r.halves[half].p95]);
      const points = [...by].sort((a, b) => a[0] - b[0]).map(([u, values]) => [u, values.sort((a, b) => a - b)[Math.floor(values.length / 2)]]);
      chart(where, { title: `${half}: what more users cost`, why: "95 of 100 answers within, by the number of users.", format: time, x: (v) => `${Math.round(v)} users`,
        goal: run.limits.p95, marks: run.knee ? [{ at: run.knee.users, text: "knee" }] : [], series: [{ name: "95 of 100", color: "p95", points }] });
    }
  }
  if (run.backend.length < 2) return;
  document.getElementById("backend").append(tag("h2", { class: "part" }, "What the backend says of itself"), tag("div", { class: "charts" }));
  const own = document.querySelector("#backend .charts"), of = (name) => run.backend.map((r) => [r.t, r[name]]);
  chart(own, { title: "Waiting and working", why: "Requests that wait for a slot, and all that upload, wait or run.", format: number, marks,
    series: [{ name: "under way", color: "p95", points: of("in_flight") }, { name: "waiting", color: "refused", points: of("queue_depth") }] });
  chart(own, { title: "Photos and refusals a second", format: number, marks,
    series: [{ name: "photos", color: "ok", points: of("answers_s") }, { name: "refused", color: "refused", points: of("rejected_s") }] });
  chart(own, { title: "Work on one photo", why: "Half of the photos are decoded, and answered by the model, within.", format: time, marks,
    series: [{ name: "decode", color: "ok", points: of("decode_p50") }, { name: "inference", color: "p95", points: of("inference_p50") }] });
  chart(own, { title: "Waiting for a slot", why: "95 of 100 photos wait for no longer.", format: time, marks, series: [{ name: "wait", color: "refused", points: of("queue_p95") }] });
  chart(own, { title: "Memory of the server's process", why: "In MiB; the slots, processes of their own, are not in it.", format: number, marks, series: [{ name: "MiB", color: "p99", points: of("memory_mib") }] });
}

function tables() {
  const rows = run.groups.map((g) => tag("tr", {}, tag("td", {}, `${g.half}: ${g.kind}`),
    ...[whole(g.count), number(g.per_second), whole(g.refused), whole(g.failed), time(g.p50), time(g.p95), time(g.p99), time(g.max)]
      .map((text, i) => tag("td", (i === 2 || i === 3) && text === "0" ? { class: "zero" } : {}, text))));
  const header = tag("tr", {}, ...["", "requests", "a second", "refused", "failed", "p50", "p95", "p99", "slowest"].map((text) => tag("th", {}, text)));
  document.getElementById("kinds").append(tag("div", { class: "table" }, tag("h2", {}, "Every kind of request"),
    tag("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Every kind of request" }, tag("table", {}, tag("thead", {}, header), tag("tbody", {}, ...rows)))));
  if (!run.causes.length) return;
  const most = run.causes[0].count, bars = tag("div", { class: "bars" });
  for (const cause of run.causes.slice(0, 12)) {
    const bar = tag("span", { class: "bar" });
    bar.style.background = color(cause.outcome === "refused" ? "refused" : "failed");
    bar.style.width = `${(cause.count / most) * 100}%`;
    bars.append(tag("div", {}, tag("span", {}, `${cause.outcome}: ${cause.cause} (${cause.half}, ${cause.kind})`), tag("b", {}, whole(cause.count)), bar));
  }
  document.getElementById("causes").append(tag("div", { class: "table" }, tag("h2", {}, "What went wrong"), bars));
}

head(); pictures(); tables();
const m = run.machine;
document.getElementById("foot").textContent = `Sightserve ${m.sightserve} · Locust ${m.locust} · Python ${m.python} · load from ${m.cores} cores, ${m.system} · schema ${run.schema}`;
const redraw = () => charts.forEach((c) => c.draw());
redraw();
addEventListener("resize", redraw);
