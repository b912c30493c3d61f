// @ts-check
/** A sweeping trace on a canvas: each frame draws only what is new. */

import { rangeFor, stripes, timeAt, xOf } from "./sweep_geometry.js";

export const SPAN_MS = 7000;
const ERASE_MS = 350;
const MARKER_PX = 14;
const MAX_RATIO = 2;
// Letters stand for the words under the trace; colours here are never alarm colours.
const LETTERS = ["·", "S", "V", "F", "?"];

export class Sweep {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no 2D canvas.");
    this.context = context;
    this.drawnTo = 0;
    this.centre = NaN;
    this.rangeMv = 1.8;
    this.scaledAt = 0;
    const style = getComputedStyle(canvas);
    this.ink = style.getPropertyValue("--trace").trim() || "#4ade80";
    this.labelInk = style.getPropertyValue("--ink").trim() || "#e9efeb";
    this.dimInk = style.getPropertyValue("--ink-2").trim() || "#a6b4ab";
  }

  get ratio() {
    return Math.min(window.devicePixelRatio || 1, MAX_RATIO);
  }

  /** Pixels of CSS per millivolt. */
  get mvPx() {
    return (this.canvas.clientHeight - MARKER_PX) / this.rangeMv;
  }

  /** Fit the canvas to its place on the page. @returns {boolean} whether it changed */
  fit() {
    const width = Math.round(this.canvas.clientWidth * this.ratio);
    const height = Math.round(this.canvas.clientHeight * this.ratio);
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  /**
   * Draw on to the playhead.
   * @param {import("./trace.js").Trace} trace @param {number} playhead epoch ms
   */
  draw(trace, playhead) {
    const changed = this.fit() || this.rescale(trace, playhead);
    const step = playhead - this.drawnTo;
    if (changed || !this.drawnTo || step < -500 || step > SPAN_MS - ERASE_MS) {
      this.redraw(trace, playhead);
      return;
    }
    if (step < 1000 / trace.fs) return;
    this.erase(this.drawnTo + ERASE_MS, playhead + ERASE_MS);
    this.line(trace, this.drawnTo, playhead);
    this.markers(trace, this.drawnTo, playhead);
    this.drawnTo = playhead;
  }

  /** @param {import("./trace.js").Trace} trace @param {number} playhead */
  redraw(trace, playhead) {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const from = playhead - (SPAN_MS - ERASE_MS);
    this.line(trace, from, playhead);
    this.markers(trace, from, playhead);
    this.drawnTo = playhead;
  }

  /** Draw everything again at the next frame. */
  forget() {
    this.drawnTo = 0;
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.forget();
  }

  /** @param {number} from @param {number} to */
  erase(from, to) {
    for (const [x, width] of stripes(from, to, SPAN_MS, this.canvas.width)) {
      this.context.clearRect(Math.floor(x), 0, Math.ceil(width) + 2, this.canvas.height);
    }
  }

  /** @param {import("./trace.js").Trace} trace @param {number} from @param {number} to */
  line(trace, from, to) {
    const { context, canvas } = this;
    const first = Math.max(Math.floor(trace.sampleAt(from)), trace.start);
    const last = Math.min(Math.floor(trace.sampleAt(to)), trace.end - 1);
    context.strokeStyle = this.ink;
    context.lineWidth = 1.5 * this.ratio;
    context.lineJoin = "round";
    context.beginPath();
    let before = NaN;
    for (let sample = first; sample <= last; sample += 1) {
      const mv = trace.value(sample);
      const x = xOf(trace.timeOf(sample), SPAN_MS, canvas.width);
      // A gap and the wrap at the right edge lift the pen.
      if (Number.isNaN(mv)) before = NaN;
      else if (Number.isNaN(before) || x < before) context.moveTo(x, this.y(mv));
      else context.lineTo(x, this.y(mv));
      if (!Number.isNaN(mv)) before = x;
    }
    context.stroke();
  }

  /** @param {number} mv */
  y(mv) {
    const top = MARKER_PX * this.ratio;
    const middle = top + (this.canvas.height - top) / 2;
    const y = middle - (mv - this.centre) * this.mvPx * this.ratio;
    return Math.max(top, Math.min(this.canvas.height - 1, y));
  }

  /** @param {import("./trace.js").Trace} trace @param {number} from @param {number} to */
  markers(trace, from, to) {
    for (const beat of trace.beats.values()) {
      if (beat.at > from && beat.at <= to) this.marker(beat);
    }
  }

  /** Mark a beat whose label came after it was drawn. @param {import("./trace.js").Beat} beat */
  mark(beat) {
    const oldest = this.drawnTo - (SPAN_MS - ERASE_MS);
    if (beat.at > oldest && beat.at <= this.drawnTo) this.marker(beat);
  }

  /** @param {import("./trace.js").Beat} beat */
  marker(beat) {
    const { context, ratio } = this;
    const letter = LETTERS[beat.symbol] ?? "?";
    const normal = beat.symbol === 0;
    context.fillStyle = normal ? this.dimInk : this.labelInk;
    context.font = `${normal ? "" : "bold "}${12 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const x = xOf(beat.at, SPAN_MS, this.canvas.width);
    context.fillText(letter, x, (MARKER_PX / 2) * ratio);
  }

  /**
   * Follow the height of the signal, every two seconds.
   * @param {import("./trace.js").Trace} trace @param {number} playhead
   * @returns {boolean} whether everything must be drawn again
   */
  rescale(trace, playhead) {
    if (Math.abs(playhead - this.scaledAt) < 2000 && !Number.isNaN(this.centre)) {
      return false;
    }
    this.scaledAt = playhead;
    /** @type {number[]} */
    const values = [];
    const from = Math.floor(trace.sampleAt(playhead - SPAN_MS));
    const to = trace.sampleAt(playhead);
    for (let sample = from; sample < to; sample += 3) {
      const mv = trace.value(sample);
      if (!Number.isNaN(mv)) values.push(mv);
    }
    if (values.length < 20) return false;
    values.sort((a, b) => a - b);
    const low = values[Math.floor(0.002 * values.length)];
    const high = values[Math.ceil(0.998 * values.length) - 1];
    const centre = (low + high) / 2;
    const range = rangeFor(high - low, this.rangeMv);
    const moved = !(Math.abs(centre - this.centre) < 0.15 * range);
    if (!moved && range === this.rangeMv) return false;
    this.centre = centre;
    this.rangeMv = range;
    return true;
  }

  /**
   * The beat nearest to a place on the canvas.
   * @param {import("./trace.js").Trace} trace @param {number} x CSS pixels
   * @returns {import("./trace.js").Beat | null}
   */
  beatNear(trace, x) {
    const at = timeAt(x, this.canvas.clientWidth, this.drawnTo, SPAN_MS);
    let best = null;
    for (const beat of trace.beats.values()) {
      const away = Math.abs(beat.at - at);
      if (away < 300 && (!best || away < Math.abs(best.at - at))) best = beat;
    }
    return best;
  }
}
