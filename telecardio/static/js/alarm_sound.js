// @ts-check
/** Sounds while an unacknowledged alarm is open. Browsers want a click first. */

import { everyS, pulses } from "./pulses.js";

const PAUSE_MS = 120_000;

export class AlarmSound {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    this.priority = 0;
    this.soundedAt = 0;
    this.pausedUntil = 0;
    this.pausedPriority = 0;
  }

  /** @returns {boolean} */
  get isArmed() {
    return this.context?.state === "running";
  }

  /** Call from a click or key. @returns {Promise<void>} */
  async arm() {
    this.context ??= new AudioContext();
    await this.context.resume();
  }

  /** Two minutes of quiet; a higher priority breaks through. @param {number} now */
  pause(now) {
    this.pausedUntil = now + PAUSE_MS;
    this.pausedPriority = this.priority;
  }

  /** @param {number} now @returns {number} ms left */
  pauseLeft(now) {
    return Math.max(0, this.pausedUntil - now);
  }

  /**
   * Say what is open; called every second.
   * @param {number} priority highest unacknowledged, 0 for none @param {number} now
   */
  update(priority, now) {
    if (priority > this.priority) this.soundedAt = 0;
    this.priority = priority;
    if (priority > this.pausedPriority) this.pausedUntil = 0;
    if (!priority || now < this.pausedUntil) return;
    if (now - this.soundedAt < everyS(priority) * 1000) return;
    this.soundedAt = now;
    this.play(priority);
  }

  /** @param {number} priority */
  play(priority) {
    const context = this.context;
    if (!context || !this.isArmed) return;
    for (const { startS, lengthS, hz } of pulses(priority)) {
      const start = context.currentTime + 0.02 + startS;
      const tone = context.createOscillator();
      const loudness = context.createGain();
      tone.type = "triangle";
      tone.frequency.value = hz;
      loudness.gain.setValueAtTime(0, start);
      loudness.gain.linearRampToValueAtTime(0.35, start + 0.02);
      loudness.gain.setValueAtTime(0.35, start + lengthS - 0.03);
      loudness.gain.linearRampToValueAtTime(0, start + lengthS);
      tone.connect(loudness).connect(context.destination);
      tone.start(start);
      tone.stop(start + lengthS + 0.01);
    }
  }
}
