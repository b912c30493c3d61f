// @ts-check
/** How long samples were on their way, over the last minute. */

const KEPT_MS = 60_000;

export class Latency {
  constructor() {
    /** @type {{at: number, ms: number}[]} */
    this.samples = [];
  }

  /** @param {number} ms @param {number} now */
  note(ms, now) {
    this.samples.push({ at: now, ms: Math.max(0, ms) });
    while (this.samples.length && this.samples[0].at < now - KEPT_MS) {
      this.samples.shift();
    }
  }

  /** @returns {number} the 95th percentile in ms; NaN without samples */
  p95() {
    if (!this.samples.length) return NaN;
    const sorted = this.samples.map((sample) => sample.ms).sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(0.95 * sorted.length))];
  }
}
