// @ts-check
/** The last seconds of one patient's signal and beats, located by sample. */

const KEPT_S = 40;

/** @typedef {{sample: number, at: number, symbol: number, probability: number}} Beat */

export class Trace {
  constructor() {
    this.record = 0;
    this.fs = 0;
    /** @type {Float32Array} millivolts; NaN where nothing was received */
    this.ring = new Float32Array(0);
    this.end = 0;
    this.start = 0;
    this.anchor = { sample: 0, at: 0 };
    /** @type {Map<number, Beat>} */
    this.beats = new Map();
    this.heartRate = NaN;
    this.heartRateAt = 0;
    this.lead = 0;
  }

  /** @returns {boolean} */
  get isEmpty() {
    return this.end === this.start;
  }

  /** Time of a sample. @param {number} sample @returns {number} epoch ms */
  timeOf(sample) {
    return this.anchor.at + ((sample - this.anchor.sample) * 1000) / this.fs;
  }

  /** Sample at a time, as a fraction. @param {number} at epoch ms */
  sampleAt(at) {
    return this.anchor.sample + ((at - this.anchor.at) * this.fs) / 1000;
  }

  /** Time of the end of the newest sample: epoch ms, or 0. */
  get endAt() {
    return this.isEmpty ? 0 : this.timeOf(this.end);
  }

  /** @param {number} sample @returns {number} mV, NaN if absent */
  value(sample) {
    if (sample < this.start || sample >= this.end) return NaN;
    return this.ring[sample % this.ring.length];
  }

  /**
   * Add a packet. The same packet twice changes nothing; one of a newer record
   * starts anew, whatever its clock says, and one of an older record is ignored
   * unless its signal is newer.
   * @param {import("./frames.js").SignalFrame} frame
   * @returns {boolean} whether anything was added
   */
  addSignal(frame) {
    if (frame.record !== this.record || frame.fs !== this.fs) {
      const older = frame.record < this.record && frame.at + 1000 < this.endAt;
      if (!this.isEmpty && older) return false;
      this.begin(frame);
    }
    const first = frame.firstSample;
    const end = first + frame.n;
    const size = this.ring.length;
    if (end <= this.start || frame.n > size) return false;
    if (first >= this.end + size) this.clear(first);
    for (let s = this.end; s < first; s += 1) this.ring[s % size] = NaN;
    const lead = Math.min(this.lead, frame.leads - 1);
    for (let i = 0; i < frame.n; i += 1) {
      const adu = frame.samples[i * frame.leads + lead];
      if (first + i >= this.start) {
        this.ring[(first + i) % size] = (adu - frame.baseline) / frame.gain;
      }
    }
    if (end >= this.end) {
      this.end = end;
      this.anchor = { sample: first, at: frame.at };
    }
    this.start = Math.max(this.start, this.end - size);
    return true;
  }

  /** @param {import("./frames.js").SignalFrame} frame */
  begin(frame) {
    this.record = frame.record;
    this.fs = frame.fs;
    this.ring = new Float32Array(KEPT_S * frame.fs);
    this.anchor = { sample: frame.firstSample, at: frame.at };
    this.clear(frame.firstSample);
  }

  /** @param {number} sample */
  clear(sample) {
    this.ring.fill(NaN);
    this.start = sample;
    this.end = sample;
    this.beats.clear();
    this.heartRate = NaN;
  }

  /**
   * Add labelled beats; a beat that was labelled before gets its newest label.
   * @param {import("./frames.js").BeatsFrame} frame
   * @returns {Beat[]} those that are new
   */
  addBeats(frame) {
    if (this.isEmpty) this.record = frame.record;
    if (frame.record !== this.record) return [];
    /** @type {Beat[]} */
    const added = [];
    for (let i = 0; i < frame.n; i += 1) {
      const beat = {
        sample: frame.samples[i],
        at: frame.at[i],
        symbol: frame.classes[i],
        probability: frame.probabilities[i] / 255,
      };
      if (!this.beats.has(beat.sample)) added.push(beat);
      this.beats.set(beat.sample, beat);
      this.heartRateAt = Math.max(this.heartRateAt, beat.at);
    }
    if (Number.isFinite(frame.heartRate)) this.heartRate = frame.heartRate;
    const oldest = this.end - KEPT_S * this.fs;
    for (const sample of this.beats.keys()) {
      if (sample < oldest) this.beats.delete(sample);
    }
    return added;
  }

  /** The newest beats, oldest of them first. @param {number} count @returns {Beat[]} */
  lastBeats(count) {
    const sorted = [...this.beats.values()].sort((a, b) => a.sample - b.sample);
    return sorted.slice(-count);
  }
}
