// @ts-check
/** Heart rate, rhythm and quality of one patient, and when they were said. */

const STALE_MS = 10_000;
// A device may upload every 10 s, and what it shows must not blink.
const RHYTHM_STALE_MS = 30_000;
const QUALITY = {
  good: "signal good",
  flat: "signal flat: electrode off?",
  clipped: "signal clipped",
  mains: "noisy signal: mains hum",
  motion: "noisy signal: electrode motion",
  muscle: "noisy signal: muscle",
  missing: "signal missing",
};

export class Vitals {
  constructor() {
    this.heartRate = NaN;
    this.heartRateAt = 0;
    this.rhythm = "";
    this.rhythmAt = 0;
    this.quality = "";
    this.stateAt = 0;
  }

  /** @param {number} bpm @param {number} at epoch ms */
  noteHeartRate(bpm, at) {
    if (at < this.heartRateAt) return;
    this.heartRate = bpm;
    this.heartRateAt = at;
  }

  /**
   * @param {{rhythm?: string, quality?: string, heart_rate?: number | null}} state
   * @param {number} at epoch ms
   */
  noteState(state, at) {
    if (at < this.stateAt) return;
    if (state.rhythm !== undefined) {
      this.rhythm = state.rhythm;
      this.rhythmAt = at;
    }
    // An acknowledged alarm is announced without what the analysis sees.
    if (state.quality === undefined) return;
    this.stateAt = at;
    this.quality = state.quality;
    this.noteHeartRate(state.heart_rate ?? NaN, at);
  }

  /** @param {number} now @returns {string} two dashes when unknown or old */
  heartRateText(now) {
    const known = Number.isFinite(this.heartRate) && now - this.heartRateAt < STALE_MS;
    return known ? String(Math.round(this.heartRate)) : "--";
  }

  /** @param {number} now @returns {string} empty when unknown or old */
  rhythmText(now) {
    return now - this.rhythmAt > RHYTHM_STALE_MS ? "" : this.rhythm;
  }

  /** @param {number} now @returns {string} */
  qualityText(now) {
    if (now - this.stateAt > STALE_MS) return "";
    return QUALITY[/** @type {keyof typeof QUALITY} */ (this.quality)] ?? this.quality;
  }

  /** @param {number} now @returns {boolean} whether the signal cannot be read */
  isBad(now) {
    return this.qualityText(now) !== "" && this.quality !== "good";
  }
}
