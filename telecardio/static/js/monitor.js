// @ts-check
/** One patient's live data: trace, play-out and vitals, fed by frames. */

import { Playout } from "./playout.js";
import { Trace } from "./trace.js";
import { Vitals } from "./vitals.js";

export class Monitor {
  constructor() {
    this.trace = new Trace();
    this.playout = new Playout();
    this.vitals = new Vitals();
    /** When there was signal last: server time; 0 before the first. */
    this.heardAt = 0;
  }

  /**
   * Take one frame.
   * @param {import("./frames.js").Frame} frame
   * @param {number} now server time
   * @returns {import("./trace.js").Beat[]} beats that are new
   */
  take(frame, now) {
    if (frame.kind === "signal") {
      if (this.trace.addSignal(frame)) {
        const durationMs = (1000 * frame.n) / frame.fs;
        this.playout.arrived(this.trace.endAt, durationMs, now);
        // A device whose clock is ahead must not look live after it fell silent.
        this.heardAt = Math.min(this.trace.endAt, entryTime(frame.id));
      }
      return [];
    }
    this.vitals.noteHeartRate(frame.heartRate, entryTime(frame.id));
    return this.trace.addBeats(frame);
  }

  /** Age of the newest sample in ms; null before the first. @param {number} now */
  age(now) {
    return this.heardAt ? now - this.heardAt : null;
  }
}

/** When an entry was written, from its stream id. @param {string} id @returns {number} */
export function entryTime(id) {
  return Number(id.split("-")[0]);
}
