// What pages need beside htmx: the theme's button, the chart of a run, and
// keeping its lists short. Everything else works without scripts.
"use strict";

(function theme() {
  const button = document.getElementById("theme");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = "a0run_theme=" + root.dataset.theme + ";path=/;max-age=31536000;samesite=lax";
    drawChart(null, true);
  });
})();

// A menu that was opened closes again with Escape, and with a click elsewhere.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  for (const d of document.querySelectorAll("details.ask[open]")) {
    d.open = false;
    d.querySelector("summary").focus();
  }
});
document.addEventListener("click", (e) => {
  for (const d of document.querySelectorAll("details.ask[open]")) if (!d.contains(e.target)) d.open = false;
});

const most = { calls: 200, log: 500 };

// tidy keeps each call once (a stream that was cut begins again a little
// earlier) and drops the oldest.
function tidy(list) {
  const seen = new Set();
  for (const item of [...list.children]) {
    if (seen.has(item.id)) item.remove();
    seen.add(item.id);
  }
  while (list.children.length > most[list.id]) (list.id === "log" ? list.firstElementChild : list.lastElementChild).remove();
}

let chart = null;
let numbers = null;

// drawChart draws calls a second and what is left of the rate limit.
function drawChart(columns, anew) {
  const box = document.getElementById("rate");
  if (columns) numbers = columns;
  if (!box || !numbers || !numbers[0] || typeof uPlot === "undefined") return;
  document.getElementById("rate-card").hidden = numbers[0].length < 2;
  if (numbers[0].length < 2) return;
  if (chart && !anew) {
    chart.setData(numbers);
    return;
  }
  if (chart) chart.destroy();
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(name).trim();
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  chart = new uPlot({
    width: box.clientWidth, height: box.clientHeight - 34,
    scales: { y: { range: (u, min, max) => [0, Math.max(max, 1) * 1.1] }, left: { range: (u, min, max) => [0, Math.max(max, 1) * 1.1] } },
    axes: [{ ...axis, incrs: [1, 2, 5, 10, 15, 30, 60, 300, 600, 1800, 3600], values: (u, at) => at.map((v) => new Date(v * 1000).toLocaleTimeString([], { hour12: false })) }, { ...axis, size: 44 }, { ...axis, side: 1, scale: "left", size: 44, grid: { show: false } }],
    series: [
      { label: "time", value: (u, v) => (v == null ? "" : new Date(v * 1000).toLocaleTimeString([], { hour12: false })) },
      { label: "calls/s", stroke: colour("--mark-busy"), fill: colour("--busy-soft"), width: 1.5 },
      { label: "failed/s", stroke: colour("--mark-bad"), width: 1.5 },
      { label: "budget left", stroke: colour("--mark-good"), width: 1.5, scale: "left", dash: [4, 3], spanGaps: true },
    ],
  }, numbers, box);
}

addEventListener("resize", () => {
  const box = document.getElementById("rate");
  if (chart && box) chart.setSize({ width: box.clientWidth, height: box.clientHeight - 34 });
});

document.addEventListener("htmx:sseBeforeMessage", (e) => {
  const event = e.detail;
  if (event.type === "rate") {
    e.preventDefault();
    drawChart(JSON.parse(event.data));
  }
  if (event.type === "ended" || event.type === "begun") {
    e.preventDefault();
    location.reload();
  }
});

document.addEventListener("htmx:sseMessage", (e) => {
  const list = document.getElementById(e.detail.type);
  if (!list || !(e.detail.type in most)) return;
  const bottom = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  requestAnimationFrame(() => {
    tidy(list);
    if (e.detail.type === "log" && bottom) list.scrollTop = list.scrollHeight;
  });
});

for (const log of document.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
