// @ts-check
/** The top bar of the wall: alarms, sound, latency, connection and clock. */

import { counter } from "./ages.js";

const CONNECTION = {
  connecting: "connecting…",
  live: "live",
  reconnecting: "reconnecting…",
  "database-away": "database away",
  "signed-out": "signed out",
};

export class WallBar {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.clock = new Intl.DateTimeFormat(undefined, {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      timeZoneName: "short",
    });
    this.fromDatabase = false;
    /** @type {import("./live_socket.js").Connection} */
    this.connection = "connecting";
    this.loudest = 0;
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    const found = this.root.querySelector(`[data-bar="${name}"]`);
    if (!found) throw new Error(`The wall has no ${name}.`);
    return /** @type {HTMLElement} */ (found);
  }

  /** Write only what changed: a live region speaks at every write. @param {string} name @param {string} text */
  write(name, text) {
    const part = this.part(name);
    if (part.textContent !== text) part.textContent = text;
  }

  /** @param {import("./open_alarms.js").OpenAlarms} alarms */
  showAlarms(alarms) {
    for (const [name, priority] of /** @type {[string, number][]} */ ([
      ["high", 3],
      ["medium", 2],
      ["low", 1],
    ])) {
      const count = alarms.count(priority);
      this.write(name, String(count));
      this.part(name).parentElement?.classList.toggle("none", count === 0);
    }
    const worst = alarms.all().find((a) => a.priority === 3 && !a.acknowledged);
    this.write("announce", worst ? `High alarm: ${worst.words}. ${worst.detail}` : "");
  }

  /** @param {number} p95 ms */
  showLatency(p95) {
    this.write("latency", Number.isNaN(p95) ? "–" : `${Math.round(p95)} ms`);
  }

  showConnection() {
    const live = this.connection === "live";
    const text = CONNECTION[this.connection];
    this.write("connection", live && this.fromDatabase ? "live, from the database" : text);
    this.part("connection").dataset.state = this.connection;
  }

  /** @param {number} now */
  showClock(now) {
    this.write("clock", this.clock.format(new Date(now)));
  }

  /**
   * @param {import("./alarm_sound.js").AlarmSound} sound @param {number} now
   */
  showSound(sound, now) {
    const left = sound.pauseLeft(now);
    const words = left ? `sound paused ${counter(left)}` : "sound on";
    this.write("sound", sound.isArmed ? words : "SOUND OFF");
    this.part("sound-off").hidden = sound.isArmed;
  }

  /**
   * @param {string[]} troubles
   * @param {{signedOut: boolean, endsSoon: boolean}} session
   */
  showTroubles(troubles, { signedOut, endsSoon }) {
    this.part("troubles").hidden = troubles.length === 0;
    this.write("trouble", troubles.join(" "));
    this.part("sign-in").hidden = !signedOut;
    this.part("stay").hidden = signedOut || !endsSoon;
  }
}
