// @ts-check
/** A strip that moves to the left over a calibrated grid. */

import { beatWords } from "./beat_words.js";
import { labelRows, MM_PX, spanMs, xOnPaper, yOnPaper } from "./paper_geometry.js";

const MAX_RATIO = 2;
const LABEL_ROWS = 2;
const ROW_PX = 16;

export class LiveStrip {
  /** @param {HTMLCanvasElement} canvas @param {string[]} words */
  constructor(canvas, words) {
    this.canvas = canvas;
    this.words = words;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no 2D canvas.");
    this.context = context;
    this.grid = document.createElement("canvas");
    this.centre = NaN;
    const style = getComputedStyle(canvas);
    this.ink = style.getPropertyValue("--ecg-ink").trim() || "#14141c";
    this.minor = style.getPropertyValue("--ecg-grid-minor").trim() || "#f8dcdf";
    this.major = style.getPropertyValue("--ecg-grid-major").trim() || "#efb4ba";
    this.paper = style.getPropertyValue("--ecg-paper").trim() || "#fffafa";
  }

  /** Time that fits on the paper. */
  get spanMs() {
    return spanMs(this.canvas.clientWidth);
  }

  /**
   * Draw the strip so that ``rightAt`` is at its right edge.
   * @param {import("./trace.js").Trace} trace @param {number} rightAt epoch ms
   */
  draw(trace, rightAt) {
    const { canvas, context } = this;
    const ratio = Math.min(window.devicePixelRatio || 1, MAX_RATIO);
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      this.paintGrid(width, height, ratio);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.grid, 0, 0);
    context.scale(ratio, ratio);
    this.follow(trace, rightAt, height);
    this.calibrationPulse(height);
    this.line(trace, rightAt, width, height);
    this.labels(trace, rightAt, width);
  }

  /** @param {number} width @param {number} height @param {number} ratio */
  paintGrid(width, height, ratio) {
    this.grid.width = this.canvas.width;
    this.grid.height = this.canvas.height;
    const context = this.grid.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    context.fillStyle = this.paper;
    context.fillRect(0, 0, width, height);
    for (const [every, ink] of /** @type {[number, string][]} */ ([
      [1, this.minor],
      [5, this.major],
    ])) {
      context.strokeStyle = ink;
      context.lineWidth = every === 5 ? 1 : 0.6;
      context.beginPath();
      for (let x = 0; x <= width; x += every * MM_PX) {
        context.moveTo(x, 0);
        context.lineTo(x, height);
      }
      for (let y = height / 2; y <= height; y += every * MM_PX) {
        context.moveTo(0, y);
        context.lineTo(width, y);
        context.moveTo(0, height - y);
        context.lineTo(width, height - y);
      }
      context.stroke();
    }
  }

  /**
   * Keep the trace on the paper: a shift of the zero line, no filter.
   * @param {import("./trace.js").Trace} trace @param {number} rightAt @param {number} height
   */
  follow(trace, rightAt, height) {
    const from = Math.floor(trace.sampleAt(rightAt - 4000));
    const to = Math.floor(trace.sampleAt(rightAt));
    /** @type {number[]} */
    const values = [];
    for (let sample = from; sample < to; sample += 4) {
      const mv = trace.value(sample);
      if (!Number.isNaN(mv)) values.push(mv);
    }
    if (values.length < 20) return;
    values.sort((a, b) => a - b);
    const middle = (values[0] + (values.at(-1) ?? values[0])) / 2;
    const seen = height / (MM_PX * 10);
    const off = Math.abs(middle - this.centre);
    // Move only when it would leave the middle of the paper.
    if (Number.isNaN(this.centre) || off > 0.2 * seen) this.centre = middle;
  }

  /** One millivolt for 200 ms, at the left edge. @param {number} height */
  calibrationPulse(height) {
    const { context } = this;
    const low = height / 2 + 5 * MM_PX;
    context.strokeStyle = this.ink;
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(2, low);
    context.lineTo(2 + MM_PX, low);
    context.lineTo(2 + MM_PX, low - 10 * MM_PX);
    context.lineTo(2 + 6 * MM_PX, low - 10 * MM_PX);
    context.lineTo(2 + 6 * MM_PX, low);
    context.lineTo(2 + 7 * MM_PX, low);
    context.stroke();
  }

  /**
   * @param {import("./trace.js").Trace} trace
   * @param {number} rightAt @param {number} width @param {number} height
   */
  line(trace, rightAt, width, height) {
    const { context } = this;
    const left = rightAt - this.spanMs + 8 * 40;
    const first = Math.max(Math.floor(trace.sampleAt(left)), trace.start);
    const last = Math.min(Math.floor(trace.sampleAt(rightAt)), trace.end - 1);
    context.strokeStyle = this.ink;
    context.lineWidth = 1.3;
    context.lineJoin = "round";
    context.beginPath();
    let lifted = true;
    for (let sample = first; sample <= last; sample += 1) {
      const mv = trace.value(sample);
      if (Number.isNaN(mv)) {
        lifted = true;
        continue;
      }
      const x = xOnPaper(trace.timeOf(sample), rightAt, width);
      const y = yOnPaper(mv, this.centre, height);
      if (lifted) context.moveTo(x, y);
      else context.lineTo(x, y);
      lifted = false;
    }
    context.stroke();
  }

  /** @param {import("./trace.js").Trace} trace @param {number} rightAt @param {number} width */
  labels(trace, rightAt, width) {
    const { context } = this;
    const left = rightAt - this.spanMs + 8 * 40;
    const beats = trace.lastBeats(80).filter((b) => b.at > left && b.at <= rightAt);
    context.textAlign = "center";
    context.textBaseline = "top";
    context.fillStyle = this.ink;
    const placed = beats.map((beat) => {
      context.font = font(beat);
      const text = beatWords(this.words, beat);
      const x = xOnPaper(beat.at, rightAt, width);
      return { beat, text, x, width: context.measureText(text).width };
    });
    const rows = labelRows(placed, LABEL_ROWS);
    placed.forEach(({ beat, text, x }, i) => {
      // Every beat has its tick, also where there is no room for words.
      context.fillRect(x - 0.5, LABEL_ROWS * ROW_PX + 4, 1, 6);
      if (rows[i] < 0) return;
      context.font = font(beat);
      context.fillText(text, x, 2 + rows[i] * ROW_PX);
    });
  }
}

/** @param {import("./trace.js").Beat} beat */
function font(beat) {
  return `${beat.symbol === 0 ? "" : "bold "}12px system-ui, sans-serif`;
}
