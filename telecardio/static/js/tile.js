// @ts-check
/** One patient's tile on the wall. */

import { ageOf } from "./ages.js";
import { beatWords } from "./beat_words.js";
import { entryTime, Monitor } from "./monitor.js";
import { Sweep } from "./sweep.js";

const BEATS_SHOWN = 4;
const MARKS = ["", "*", "**", "***"];
const LEVELS = ["", "low", "medium", "high"];

/**
 * @typedef {object} Patient
 * @property {number} id
 * @property {string} code
 * @property {string} name
 * @property {string} ward
 * @property {boolean} treats
 * @property {[number, number]} limits
 * @property {string | null} url
 */

export class Tile {
  /**
   * @param {Patient} patient @param {string[]} words
   * @param {HTMLTemplateElement} template
   * @param {(id: number) => void} pin
   * @param {string[]} figures how often each class is right, in words
   */
  constructor(patient, words, template, pin, figures = []) {
    this.patient = patient;
    this.words = words;
    this.figures = figures;
    this.monitor = new Monitor();
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.element.dataset.patient = String(patient.id);
    const canvas = this.element.querySelector("canvas");
    if (!canvas) throw new Error("The tile template has no canvas.");
    this.canvas = canvas;
    /** @type {Sweep | null} made when the tile is on the page and has a size */
    this.sweep = null;
    this.visible = true;
    this.hovering = false;
    this.labelled = 0;
    this.describe(patient);
    this.listen(pin);
  }

  /** Say who it is; what was said before may have changed. @param {Patient} patient */
  describe(patient) {
    this.patient = patient;
    this.element.setAttribute("aria-label", `${patient.name} ${patient.code}`);
    const name = this.part("name");
    name.textContent = patient.name;
    if (patient.url && name instanceof HTMLAnchorElement) name.href = patient.url;
    this.part("code").textContent = patient.code;
    const [low, high] = patient.limits;
    this.part("limits").textContent = `limits ${low}–${high}`;
  }

  /** @param {(id: number) => void} pin */
  listen(pin) {
    this.part("pin").addEventListener("click", () => pin(this.patient.id));
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.hovering = false;
      this.labelled = 0;
      this.showBeats();
    });
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    const found = this.element.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`The tile template has no part ${name}.`);
    return /** @type {HTMLElement} */ (found);
  }

  /** @param {import("./frames.js").Frame} frame @param {number} now */
  take(frame, now) {
    for (const beat of this.monitor.take(frame, now)) this.sweep?.mark(beat);
    if (frame.kind === "beats") this.showBeats();
  }

  /** @param {any} message of type ``state`` */
  takeState(message) {
    this.monitor.vitals.noteState(message.state, entryTime(message.id));
  }

  showBeats() {
    if (this.hovering) return;
    // Newest first: what does not fit is left out at the old end.
    const beats = this.monitor.trace.lastBeats(BEATS_SHOWN).reverse();
    const newest = beats[0]?.sample ?? 0;
    if (newest === this.labelled && newest) return;
    this.labelled = newest;
    const list = this.part("beats");
    list.replaceChildren(...beats.map((beat) => this.beatItem(beat)));
  }

  /** @param {import("./trace.js").Beat} beat */
  beatItem(beat) {
    const item = document.createElement("span");
    item.className = beat.symbol === 0 ? "beat" : "beat beat-other";
    item.textContent = beatWords(this.words, beat);
    item.title = this.figures[beat.symbol] ?? "";
    return item;
  }

  /** Show the beat under the pointer. @param {PointerEvent} event */
  hover(event) {
    const beat = this.sweep?.beatNear(this.monitor.trace, event.offsetX);
    this.hovering = Boolean(beat);
    if (!beat) return;
    const text = document.createElement("span");
    text.className = "beat beat-hovered";
    const time = new Date(beat.at).toLocaleTimeString();
    text.textContent = `${beatWords(this.words, beat)}, ${time}`;
    this.part("beats").replaceChildren(text);
  }

  /** Draw on; called up to 30 times a second. @param {number} now */
  draw(now) {
    const { trace, playout } = this.monitor;
    const age = this.monitor.age(now);
    if (!this.visible || ageOf(age).level === "none") return;
    this.sweep ??= new Sweep(this.canvas);
    this.sweep.draw(trace, playout.tick(now));
  }

  /** Jump to now at the next frame: after the tab or the tile was out of sight. */
  rejoin() {
    this.monitor.playout.jump();
    this.sweep?.forget();
  }

  /**
   * Update the words; called every second.
   * @param {number} now
   * @param {import("./open_alarms.js").Alarm[]} alarms
   * @param {import("./open_alarms.js").Device | undefined} device
   * @param {boolean} pinned
   */
  update(now, alarms, device, pinned) {
    const { vitals } = this.monitor;
    const heard = this.monitor.heardAt || device?.received_ms || 0;
    const waiting = !heard && !device;
    const age = ageOf(heard ? now - heard : null);
    const dead = age.level === "none";
    this.element.dataset.age = waiting ? "waiting" : age.level;
    this.part("age").textContent = waiting || dead ? "" : age.text;
    this.part("nodata").textContent = waiting ? "Waiting for data…" : dead ? age.text : "";
    if (dead) {
      this.sweep?.forget();
      // The last labels before a silence say nothing of now.
      this.labelled = 0;
      this.part("beats").replaceChildren();
    }
    const heartRate = dead ? "--" : vitals.heartRateText(now);
    this.part("hr").textContent = heartRate;
    const [low, high] = this.patient.limits;
    const bpm = Number(heartRate);
    const broken = bpm > high ? "above limit" : bpm < low ? "below limit" : "";
    this.part("hr-note").textContent = broken;
    this.part("rhythm").textContent = dead ? "" : vitals.rhythmText(now);
    this.part("quality").textContent = dead ? "" : vitals.qualityText(now);
    this.part("quality").classList.toggle("bad", vitals.isBad(now));
    const battery = device?.battery;
    this.part("battery").textContent =
      battery === null || battery === undefined ? "" : `battery ${battery} %`;
    if (this.sweep) {
      const bar = this.part("bar");
      bar.style.blockSize = `${this.sweep.mvPx}px`;
    }
    const pin = this.part("pin");
    pin.setAttribute("aria-pressed", String(pinned));
    pin.textContent = pinned ? "Pinned" : "Pin";
    this.showAlarm(alarms);
  }

  /** @param {import("./open_alarms.js").Alarm[]} alarms worst first */
  showAlarm(alarms) {
    const worst = alarms[0];
    const level = worst ? LEVELS[worst.priority] : "";
    this.element.dataset.alarm = level;
    this.element.dataset.acknowledged = String(Boolean(worst?.acknowledged));
    const text = worst
      ? [
          MARKS[worst.priority],
          worst.words,
          worst.detail,
          worst.state === "cleared" ? "(ended)" : "",
          worst.acknowledged ? "· acknowledged" : "",
          alarms.length > 1 ? `· ${alarms.length - 1} more` : "",
        ]
      : [];
    const said = text.filter(Boolean).join(" ");
    this.part("alarm").textContent = said;
    this.part("alarm").title = said;
  }
}
