// @ts-check
/** The live wall: many patients on one page. */

import { AlarmSound } from "./alarm_sound.js";
import { counter } from "./ages.js";
import { Latency } from "./latency.js";
import { LiveSocket } from "./live_socket.js";
import { OpenAlarms } from "./open_alarms.js";
import { Order } from "./order.js";
import { recall, remember } from "./preferences.js";
import { Tile } from "./tile.js";
import { WallBar } from "./wall_bar.js";

const FRAME_MS = 1000 / 30;
// Of few missed polls nobody needs to hear.
const POLL_TROUBLE_MS = 8000;

const page = /** @type {HTMLElement} */ (document.querySelector("[data-wall]"));
const grid = /** @type {HTMLElement} */ (page.querySelector("[data-tiles]"));
const template = /** @type {HTMLTemplateElement} */ (document.querySelector("#tile"));
const data = JSON.parse(document.querySelector("#wall-data")?.textContent ?? "{}");
/** @type {import("./tile.js").Patient[]} */
const patients = data.patients;

const bar = new WallBar(page);
const sound = new AlarmSound();
const order = new Order();
const latency = new Latency();
const alarms = new OpenAlarms(data.alarms_url, alarmsChanged);
/** @type {Map<number, Tile>} */
const tiles = new Map();
let pinned = new Set(JSON.parse(recall("pinned", "[]")));
let disconnectedAt = Date.now();
// What was received before the socket opened fills the trace; it is not late.
let openedAt = Infinity;
let sorted = false;

const socket = new LiveSocket({
  frames(frames) {
    const now = socket.clock.now();
    for (const frame of frames) {
      tiles.get(frame.patient)?.take(frame, now);
      if (frame.kind === "signal" && frame.receivedAt > openedAt) {
        latency.note(now - frame.receivedAt, now);
      }
    }
  },
  message(message) {
    if (message.type === "hello") {
      openedAt = message.now_ms;
    } else if (message.type === "state") {
      tiles.get(message.patient)?.takeState(message);
      const at = Number(message.id.split("-")[0]);
      alarms.push(message.patient, message.state.alarms ?? [], at);
    } else if (message.type === "source") {
      bar.fromDatabase = message.source === "database";
      bar.showConnection();
    } else if (message.type === "watching" && message.refused.length) {
      // Somebody was taken off a care team: the page knows too much.
      location.reload();
    }
  },
  state(state) {
    if (state !== "live" && bar.connection === "live") disconnectedAt = Date.now();
    bar.connection = state;
    bar.showConnection();
  },
});

// Tiles out of sight stop drawing, and jump to now when they come back.
const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const id = Number(/** @type {HTMLElement} */ (entry.target).dataset.patient);
    const tile = tiles.get(id);
    if (!tile) continue;
    if (entry.isIntersecting && !tile.visible) tile.rejoin();
    tile.visible = entry.isIntersecting;
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const tile of tiles.values()) tile.rejoin();
});

const layout = select("layout", "9");
const filter = select("filter", page.dataset.filter ?? "all");

/** A control that is remembered. @param {string} name @param {string} otherwise */
function select(name, otherwise) {
  const found = page.querySelector(`[name="${name}"]`);
  const control = /** @type {HTMLSelectElement} */ (found);
  const kept = recall(name, otherwise);
  if ([...control.options].some((option) => option.value === kept)) {
    control.value = kept;
  }
  control.addEventListener("change", () => {
    remember(name, control.value);
    arrange();
  });
  return control;
}

/** @returns {import("./tile.js").Patient[]} */
function filtered() {
  if (filter.value === "mine") return patients.filter((patient) => patient.treats);
  if (filter.value.startsWith("ward:")) {
    return patients.filter((patient) => `ward:${patient.ward}` === filter.value);
  }
  return patients;
}

/** @param {import("./tile.js").Patient} patient @returns {import("./order.js").Rank} */
function rank(patient) {
  const open = alarms.of(patient.id);
  return {
    id: patient.id,
    priority: open[0]?.priority ?? -1,
    unacknowledged: open.some((alarm) => !alarm.acknowledged),
    pinned: pinned.has(patient.id),
    code: patient.code,
  };
}

/** The tile that must keep its place. @returns {number | null} */
function held() {
  const tile = grid.querySelector(".tile:hover, .tile:focus-within");
  return tile ? Number(/** @type {HTMLElement} */ (tile).dataset.patient) : null;
}

/** Put the right tiles into the right order. */
function arrange() {
  const candidates = filtered();
  const ids = order.update(candidates.map(rank), Date.now(), held());
  const shown = ids.slice(0, Number(layout.value));
  grid.dataset.layout = layout.value;
  for (const [id, tile] of tiles) {
    if (!shown.includes(id)) {
      sight.unobserve(tile.element);
      tile.element.remove();
      tiles.delete(id);
    }
  }
  shown.forEach((id, place) => {
    const tile = tiles.get(id) ?? open(id);
    const there = grid.children[place];
    if (there === tile.element) return;
    const focused = tile.element.contains(document.activeElement);
    grid.insertBefore(tile.element, there ?? null);
    if (focused) tile.element.focus();
  });
  const hidden = candidates.length - shown.length;
  bar.write("hidden", hidden ? `${hidden} more not shown` : "");
  bar.part("nobody").hidden = candidates.length > 0;
  if (shown.join() !== [...socket.patients].join()) socket.watch(shown);
}

/** @param {number} id @returns {Tile} */
function open(id) {
  const patient = patients.find((one) => one.id === id);
  if (!patient) throw new Error(`Patient ${id} is not on this wall.`);
  const tile = new Tile(patient, data.words, template, pin, data.figures);
  tiles.set(id, tile);
  sight.observe(tile.element);
  return tile;
}

/** @param {number} id */
function pin(id) {
  if (pinned.has(id)) pinned.delete(id);
  else pinned.add(id);
  remember("pinned", JSON.stringify([...pinned]));
  everySecond();
}

function alarmsChanged() {
  bar.showAlarms(alarms);
  // The timer of a hidden page may run once a minute only.
  sound.update(alarms.loudest(), Date.now());
  if (sorted || !alarms.loaded) return;
  // The first answer sorts at once; later ones wait for the hysteresis.
  sorted = true;
  order.shown = [];
  everySecond();
}

function everySecond() {
  const now = socket.clock.now();
  arrange();
  for (const [id, tile] of tiles) {
    tile.update(now, alarms.of(id), alarms.devices.get(id), pinned.has(id));
  }
  bar.showClock(Date.now());
  bar.showLatency(latency.p95());
  sound.update(alarms.loudest(), Date.now());
  bar.showSound(sound, Date.now());
  bar.showTroubles(troubles());
}

/** @returns {string[]} what is wrong, in words */
function troubles() {
  if (alarms.signedOut || bar.connection === "signed-out") {
    return ["You are signed out: nobody is watched here. Sign in again."];
  }
  const found = [];
  const failed = alarms.failedSince ? Date.now() - alarms.failedSince : 0;
  if (bar.connection === "database-away" || (failed && alarms.databaseAway)) {
    const since = Math.max(failed, bar.connection === "live" ? 0 : Date.now() - disconnectedAt);
    return [
      `The database is away (since ${counter(since)}): nobody is watched here, no alarm is raised.`,
      "This page goes on by itself.",
    ];
  }
  if (bar.connection !== "live") {
    const since = counter(Date.now() - disconnectedAt);
    found.push(`No connection for ${since}: traces stand still.`);
  }
  if (failed > POLL_TROUBLE_MS) {
    found.push(`Alarms could not be asked for since ${counter(failed)}.`);
  }
  return found;
}

let drawnAt = 0;
/** @param {number} time */
function frame(time) {
  requestAnimationFrame(frame);
  if (time - drawnAt < FRAME_MS - 2) return;
  drawnAt = time;
  const now = socket.clock.now();
  for (const tile of tiles.values()) tile.draw(now);
}

grid.addEventListener("keydown", (event) => {
  const tile = /** @type {HTMLElement} */ (event.target).closest(".tile");
  if (!(tile instanceof HTMLElement) || event.target !== tile) return;
  const all = [...grid.children];
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (event.key in steps) {
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const next = all[all.indexOf(tile) + step];
    if (next instanceof HTMLElement) next.focus();
    event.preventDefault();
  } else if (event.key === "Enter") {
    const link = tile.querySelector("a[href]");
    if (link instanceof HTMLAnchorElement) location.assign(link.href);
  } else if (event.key.toLowerCase() === "p") {
    pin(Number(tile.dataset.patient));
  }
});

// Browsers allow sound only after a click or a key.
for (const kind of ["pointerdown", "keydown"]) {
  document.addEventListener(kind, () => {
    if (!sound.isArmed) void sound.arm();
  });
}
bar.part("test-sound").addEventListener("click", async () => {
  await sound.arm();
  sound.play(3);
});
bar.part("pause-sound").addEventListener("click", () => sound.pause(Date.now()));

socket.start();
alarms.start();
setInterval(everySecond, 1000);
everySecond();
requestAnimationFrame(frame);
