// @ts-check
/** Plays packets out evenly: they arrive in bursts, hearts do not beat in bursts. */

const BUFFER_INTERVALS = 1.75;
const MIN_BUFFER_MS = 250;
const FASTER = 0.08;
// Clocks that are set leap; the network does not.
const LEAP_MS = 10_000;
const SET_BACK_MS = 500;

export class Playout {
  constructor() {
    this.intervalMs = 0;
    this.lagMs = NaN;
    this.newest = 0;
    /** Time on the trace that is drawn next: epoch ms; 0 before the first packet. */
    this.playhead = 0;
    this.tickedAt = 0;
  }

  /** How much signal waits after an arrival. */
  get bufferMs() {
    return Math.max(BUFFER_INTERVALS * this.intervalMs, MIN_BUFFER_MS);
  }

  /**
   * Note a packet that just arrived.
   * @param {number} endAt time of the end of its last sample
   * @param {number} durationMs
   * @param {number} now
   */
  arrived(endAt, durationMs, now) {
    this.intervalMs = this.intervalMs
      ? 0.9 * this.intervalMs + 0.1 * durationMs
      : durationMs;
    const on = endAt - this.newest;
    if (on === 0) return;
    const jumped = on > LEAP_MS || on < -SET_BACK_MS;
    this.newest = endAt;
    const lag = now - endAt;
    // A fill brings many packets at once; only the newest of them tells the lag.
    this.lagMs =
      Number.isNaN(this.lagMs) || jumped || lag < this.lagMs - 2000
        ? lag
        : 0.9 * this.lagMs + 0.1 * lag;
  }

  /** Where the playhead should be. @param {number} now */
  wanted(now) {
    return Math.min(now - this.lagMs - this.bufferMs, this.newest);
  }

  /**
   * Move on, and return the playhead.
   * @param {number} now epoch ms, same clock as ``arrived``
   */
  tick(now) {
    if (!this.newest) return 0;
    const wanted = this.wanted(now);
    const error = wanted - this.playhead;
    if (!this.playhead || Math.abs(error) > this.bufferMs + 1500) {
      this.playhead = wanted;
    } else {
      const rate = 1 + Math.max(-FASTER, Math.min(FASTER, error / 2000));
      const step = Math.max(0, now - this.tickedAt) * rate;
      this.playhead = Math.min(this.playhead + step, this.newest);
    }
    this.tickedAt = now;
    return this.playhead;
  }

  /** Forget where the playhead was: the next tick jumps to now. */
  jump() {
    this.playhead = 0;
  }
}
