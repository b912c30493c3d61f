// @ts-check
/** The live strip of one patient's page. */

import { ageOf } from "./ages.js";
import { beatWords } from "./beat_words.js";
import "./kept_focus.js";
import { LiveSocket } from "./live_socket.js";
import { LiveStrip } from "./live_strip.js";
import { entryTime, Monitor } from "./monitor.js";

const FRAME_MS = 1000 / 30;
const BEATS_SHOWN = 6;

const root = /** @type {HTMLElement} */ (document.querySelector("[data-live]"));
const canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas"));
const data = JSON.parse(document.querySelector("#live-data")?.textContent ?? "{}");
const monitor = new Monitor();
const strip = new LiveStrip(canvas, data.words);
let paused = false;

/** @param {string} name @returns {HTMLElement} */
function part(name) {
  const found = root.querySelector(`[data-live-part="${name}"]`);
  if (!found) throw new Error(`The page has no part ${name}.`);
  return /** @type {HTMLElement} */ (found);
}

const socket = new LiveSocket({
  frames(frames) {
    const now = socket.clock.now();
    for (const frame of frames) monitor.take(frame, now);
    if (frames.some((frame) => frame.kind === "beats")) showBeats();
  },
  message(message) {
    if (message.type === "state") {
      monitor.vitals.noteState(message.state, entryTime(message.id));
    } else if (message.type === "watching" && message.refused.length) {
      location.reload();
    }
  },
  state(state) {
    const words = {
      connecting: "connecting…",
      live: "live",
      reconnecting: "reconnecting…",
      "database-away": "the database is away, trying again…",
      "signed-out": "signed out: sign in again",
    };
    part("connection").textContent = words[state];
  },
});

function showBeats() {
  const beats = monitor.trace.lastBeats(BEATS_SHOWN);
  if (!beats.length) return;
  const items = beats.map((beat) => {
    const item = document.createElement("span");
    item.className = beat.symbol === 0 ? "beat" : "beat beat-other";
    item.textContent = beatWords(data.words, beat);
    item.title = data.figures[beat.symbol] ?? "";
    return item;
  });
  part("beats").replaceChildren(...items);
}

function everySecond() {
  const now = socket.clock.now();
  const { vitals } = monitor;
  const ageMs = monitor.age(now);
  const age = ageOf(ageMs);
  const dead = age.level === "none";
  root.dataset.age = ageMs === null ? "waiting" : age.level;
  if (dead) part("beats").replaceChildren();
  part("age").textContent = dead ? "" : age.text;
  part("nodata").textContent = dead ? age.text : "";
  part("hr").textContent = dead ? "--" : vitals.heartRateText(now);
  part("rhythm").textContent = dead ? "" : vitals.rhythmText(now);
  part("quality").textContent = dead ? "" : vitals.qualityText(now);
}

part("pause").addEventListener("click", togglePause);
canvas.addEventListener("keydown", (event) => {
  if (event.key !== " ") return;
  event.preventDefault();
  togglePause();
});

function togglePause() {
  paused = !paused;
  if (!paused) monitor.playout.jump();
  part("pause").setAttribute("aria-pressed", String(paused));
  part("pause").textContent = paused ? "Paused – go on" : "Pause";
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) monitor.playout.jump();
});

let drawnAt = 0;
/** @param {number} time */
function frame(time) {
  requestAnimationFrame(frame);
  if (paused || time - drawnAt < FRAME_MS - 2 || monitor.trace.isEmpty) return;
  drawnAt = time;
  strip.draw(monitor.trace, monitor.playout.tick(socket.clock.now()));
}

socket.watch([data.id]);
socket.start();
setInterval(everySecond, 1000);
everySecond();
requestAnimationFrame(frame);
