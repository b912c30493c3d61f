// @ts-check
/** The live wall: many patients on one page. */

import { AlarmSound } from "./alarm_sound.js";
import { Latency } from "./latency.js";
import { LiveSocket } from "./live_socket.js";
import { OpenAlarms } from "./open_alarms.js";
import { Order } from "./order.js";
import { recall, remember } from "./preferences.js";
import { Roster } from "./roster.js";
import { Tile } from "./tile.js";
import { WallBar } from "./wall_bar.js";
import { endsSoon, troubles } from "./wall_troubles.js";

const FRAME_MS = 1000 / 30;
// Nobody is watched meanwhile, and nobody may be looking.
const UNWATCHED_MS = 30_000;
const UNWATCHED_PRIORITY = 2;

const page = /** @type {HTMLElement} */ (document.querySelector("[data-wall]"));
const grid = /** @type {HTMLElement} */ (page.querySelector("[data-tiles]"));
const template = /** @type {HTMLTemplateElement} */ (document.querySelector("#tile"));
const data = JSON.parse(document.querySelector("#wall-data")?.textContent ?? "{}");

const bar = new WallBar(page);
const sound = new AlarmSound();
const order = new Order();
const latency = new Latency();
const alarms = new OpenAlarms(data.alarms_url, alarmsChanged);
const roster = new Roster(data.roster_url, data.roster, rosterChanged);
/** @type {Map<number, Tile>} */
const tiles = new Map();
let pinned = new Set(JSON.parse(recall("pinned", "[]")));
let disconnectedAt = Date.now();
// What was received before the socket opened fills the trace; it is not late.
let openedAt = Infinity;
let sorted = false;
let stayFailed = false;

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
      if (message.state.alarms) alarms.push(message.patient, message.state.alarms, at);
    } else if (message.type === "source") {
      bar.fromDatabase = message.source === "database";
      bar.showConnection();
    } else if (message.type === "watching" && message.refused.length) {
      // Somebody was taken off a care team: the page knows too much.
      roster.drop(message.refused);
    }
  },
  state(state) {
    if (state !== "live" && bar.connection === "live") disconnectedAt = Date.now();
    bar.connection = state;
    // The polls tell when somebody is signed in again.
    if (state === "signed-out") alarms.signedOut = true;
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
offerWards();
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

/** Offer the wards of those who are here as a choice. */
function offerWards() {
  const control = /** @type {HTMLSelectElement} */ (page.querySelector('[name="filter"]'));
  const values = roster.wards.map((ward) => `ward:${ward}`);
  const offered = [...control.options].filter((option) => option.value.startsWith("ward:"));
  if (offered.map((option) => option.value).join("\n") === values.join("\n")) return;
  for (const option of offered) option.remove();
  roster.wards.forEach((ward, i) => control.add(new Option(ward, values[i])));
  // While the chosen ward has no patient: rather show too many than nobody.
  const chosen = recall("filter", page.dataset.filter ?? "all");
  control.value = chosen;
  if (control.value !== chosen) control.value = "all";
}

/** @returns {import("./tile.js").Patient[]} */
function filtered() {
  const { patients } = roster;
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
  const none = roster.patients.length === 0;
  bar.part("none-yet").hidden = !none;
  bar.part("nobody").hidden = none || candidates.length > 0;
  if (shown.join() !== [...socket.patients].join()) socket.watch(shown);
}

/** @param {number} id @returns {Tile} */
function open(id) {
  const patient = roster.get(id);
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
  sound.update(loudest(), Date.now());
  // The page that is loaded anew brings whatever else depends on who is signed in.
  if (alarms.isBack) location.reload();
  if (alarms.loaded) roster.check(alarms.devices.keys());
  if (sorted || !alarms.loaded) return;
  // The first answer sorts at once; later ones wait for the hysteresis.
  sorted = true;
  order.shown = [];
  everySecond();
}

function rosterChanged() {
  offerWards();
  for (const [id, tile] of tiles) {
    const patient = roster.get(id);
    if (patient) tile.describe(patient);
  }
  everySecond();
}

/** @returns {boolean} whether no alarm could be heard of here for some time */
function isUnwatched() {
  if (alarms.signedOut) return true;
  const failed = alarms.failedSince ? Date.now() - alarms.failedSince : 0;
  const away = bar.connection === "live" ? 0 : Date.now() - disconnectedAt;
  // Of patients without a tile the polls alone tell.
  const allShown = roster.patients.every(({ id }) => tiles.has(id));
  return (allShown ? Math.min(failed, away) : failed) > UNWATCHED_MS;
}

/** The priority that sounds. @returns {number} */
function loudest() {
  return Math.max(alarms.loudest(), isUnwatched() ? UNWATCHED_PRIORITY : 0);
}

function everySecond() {
  const now = socket.clock.now();
  arrange();
  for (const [id, tile] of tiles) {
    tile.update(now, alarms.of(id), alarms.devices.get(id), pinned.has(id));
  }
  bar.showClock(Date.now());
  bar.showLatency(latency.p95());
  sound.update(loudest(), Date.now());
  bar.showSound(sound, Date.now());
  showTroubles(now);
}

/** @param {number} now */
function showTroubles(now) {
  const since = (/** @type {number} */ at) => (at ? Date.now() - at : 0);
  const leftMs = roster.sessionEndsAt - now;
  const isLive = bar.connection === "live";
  const found = troubles({
    signedOut: alarms.signedOut,
    stayFailed,
    databaseAway: bar.connection === "database-away" || alarms.databaseAway,
    pollFailedMs: since(alarms.failedSince),
    disconnectedMs: isLive ? 0 : since(disconnectedAt),
    sessionLeftMs: leftMs,
  });
  bar.showTroubles(found, { signedOut: alarms.signedOut, endsSoon: endsSoon(leftMs) });
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

// A part of the page that asks after the session ended would take it to the form:
// the wall stays, says so and sounds.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = /** @type {CustomEvent} */ (event).detail;
  if (!xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  alarms.signedOut = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { successful } = /** @type {CustomEvent} */ (event).detail;
  const stay = bar.part("stay");
  if (!stay.contains(/** @type {Node} */ (event.target))) return;
  stayFailed = !successful;
  if (!successful) return;
  // The button goes; whoever pressed it by the keyboard stays on the wall.
  if (stay.contains(document.activeElement)) document.getElementById("content")?.focus();
  void roster.refresh();
});

socket.start();
alarms.start();
roster.start();
setInterval(everySecond, 1000);
everySecond();
requestAnimationFrame(frame);
