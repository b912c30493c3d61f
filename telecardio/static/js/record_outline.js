// Draws the outline of a long window: between which values the signal lies.

import { hatch, text } from "./record_paper.js";

const LEFT = 56;
const RIGHT = 8;
const TOP = 26;
const BOTTOM = 24;
const LEAD_HEIGHT = 150;
const MAX_RATIO = 2;
// Seconds between marks of time: a few of them, at round times.
const STEPS_S = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800];
const MARKS = 8;

/** Seconds between the marks of an axis as long as this. */
export function stepOf(seconds) {
  return STEPS_S.find((step) => seconds / step <= MARKS) ?? STEPS_S.at(-1) * Math.ceil(seconds / STEPS_S.at(-1) / MARKS);
}

/** What both ends of a lead's axis are, in mV: all of it, and half a millivolt at least. */
export function rangeOf(lead) {
  let [low, high] = [Infinity, -Infinity];
  lead.low_mv.forEach((value, bin) => {
    if (value === null) return;
    low = Math.min(low, value);
    high = Math.max(high, lead.high_mv[bin]);
  });
  if (low > high) return [-0.5, 0.5];
  const spare = Math.max(0.5 - (high - low), 0.1 * (high - low)) / 2;
  return [low - spare, high + spare];
}

/** Stretches of bins without a value, half-open. */
export function holesOf(lead) {
  const holes = [];
  lead.low_mv.forEach((value, bin) => {
    if (value !== null) return;
    if (holes.at(-1)?.[1] === bin) holes.at(-1)[1] = bin + 1;
    else holes.push([bin, bin + 1]);
  });
  return holes;
}

/** The place in the recording under a point of the canvas, in seconds. */
export function secondsAt(view, x, width) {
  const share = (x - LEFT) / (width - LEFT - RIGHT);
  return view.start_s + Math.min(Math.max(share, 0), 1) * (view.end_s - view.start_s);
}

export function drawOutline(canvas, view, words, clock) {
  const width = Math.max(canvas.parentElement.parentElement.clientWidth - 2, 280);
  const height = TOP + view.leads.length * LEAD_HEIGHT + BOTTOM;
  const ratio = Math.min(window.devicePixelRatio || 1, MAX_RATIO);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const ink = colour("--ecg-ink");
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = colour("--ecg-paper");
  pen.fillRect(0, 0, width, height);
  const perSecond = (width - LEFT - RIGHT) / (view.end_s - view.start_s);
  const xOf = (at) => LEFT + (at - view.start_s) * perSecond;
  drawTimes(pen, view, xOf, height, colour("--ecg-grid-major"), ink, clock);
  view.leads.forEach((lead, index) => {
    drawLead(pen, lead, view, xOf, TOP + index * LEAD_HEIGHT, width, ratio, colour, words);
  });
  drawEpisodes(pen, view, xOf, ink);
  drawNotYet(pen, view, xOf, words, ink);
}

function drawTimes(pen, view, xOf, height, line, ink, clock) {
  const step = stepOf(view.end_s - view.start_s);
  pen.strokeStyle = line;
  pen.lineWidth = 1;
  for (let at = Math.ceil(view.start_s / step) * step; at <= view.end_s; at += step) {
    pen.beginPath();
    pen.moveTo(xOf(at), TOP);
    pen.lineTo(xOf(at), height - BOTTOM);
    pen.stroke();
    const label = clock(at).replace(/\.0$/, "");
    const half = 4 * label.length;
    const x = Math.min(Math.max(xOf(at), half), pen.canvas.clientWidth - half);
    text(pen, label, x, height - 8, 12, ink, "normal", "center");
  }
}

function drawLead(pen, lead, view, xOf, top, width, ratio, colour, words) {
  const ink = colour("--ecg-ink");
  const [low, high] = rangeOf(lead);
  const inner = LEAD_HEIGHT - 14;
  const yOf = (mv) => top + 7 + ((high - mv) / (high - low)) * inner;
  pen.strokeStyle = colour("--ecg-grid-major");
  pen.lineWidth = 1;
  pen.strokeRect(LEFT, top + 0.5, width - LEFT - RIGHT, LEAD_HEIGHT - 1);
  text(pen, lead.name, 6, top + 16, 13, ink, "bold");
  text(pen, `${high.toFixed(1)} mV`, LEFT - 4, top + 36, 11, ink, "normal", "right");
  text(pen, `${low.toFixed(1)} mV`, LEFT - 4, top + LEAD_HEIGHT - 6, 11, ink, "normal", "right");
  const bin = view.bin_s;
  const right = xOf(view.end_s);
  const edge = (index) => Math.min(xOf(view.start_s + index * bin), right);
  pen.fillStyle = ink;
  lead.low_mv.forEach((value, index) => {
    if (value === null) return;
    const y = yOf(lead.high_mv[index]);
    // Whole points of the screen: several columns to a point would look grey.
    const x = Math.floor(edge(index) * ratio) / ratio;
    const wide = Math.max(Math.ceil(edge(index + 1) * ratio) / ratio - x, 1 / ratio);
    pen.fillRect(x, y, wide, Math.max(yOf(value) - y, 1));
  });
  for (const [from, to] of holesOf(lead)) {
    const wide = edge(to) - edge(from);
    hatch(pen, edge(from), top, wide, LEAD_HEIGHT, ink, 8, 1);
    const at = view.start_s + from * bin;
    const end = view.start_s + to * bin;
    const isDamaged = view.damaged.some((span) => span.start_s < end && at < span.end_s);
    const why = isDamaged ? words.damaged : words.noSignal;
    reason(pen, why, edge(from) + 4, top + 16, wide - 6, ink);
  }
}

/** Write a reason into a hole, word below word where it is narrow; if that fits. */
function reason(pen, why, x, y, room, ink) {
  pen.font = "12px system-ui, sans-serif";
  const wide = (words) => pen.measureText(words).width;
  const lines = wide(why) <= room ? [why] : why.split(" ");
  if (lines.some((line) => wide(line) > room)) return;
  lines.forEach((line, index) => {
    pen.save();
    pen.fillStyle = getComputedStyle(pen.canvas).getPropertyValue("--ecg-paper");
    pen.fillRect(x - 2, y - 11 + 15 * index, wide(line) + 4, 15);
    pen.restore();
    text(pen, line, x, y + 15 * index, 12, ink);
  });
}

function drawEpisodes(pen, view, xOf, ink) {
  pen.fillStyle = ink;
  let free = -Infinity;
  for (const { words, onset_s: onset, end_s: end } of view.episodes) {
    const from = Math.max(xOf(onset), LEFT);
    const to = Math.min(Math.max(xOf(end), from + 2), xOf(view.end_s));
    pen.fillRect(from, TOP - 7, to - from, 5);
    pen.font = "12px system-ui, sans-serif";
    const room = pen.measureText(words).width;
    // Below the paper all are named; here those that there is room for.
    const x = Math.min(from, xOf(view.end_s) - room);
    if (x < free) continue;
    text(pen, words, x, TOP - 11, 12, ink);
    free = x + room + 8;
  }
}

function drawNotYet(pen, view, xOf, words, ink) {
  if (view.analysed_s >= view.end_s) return;
  const from = Math.max(xOf(view.analysed_s), LEFT);
  hatch(pen, from, TOP - 8, xOf(view.end_s) - from, 8, ink, 8, 1);
  const room = 7 * words.notYet.length;
  text(pen, words.notYet, Math.min(from, xOf(view.end_s) - room), 13, 12, ink, "bold");
}
