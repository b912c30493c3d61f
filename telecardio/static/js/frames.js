// @ts-check
/** Binary frames of /ws/live/: the layout is described in telecardio/live/frames.py. */

const HEAD_BYTES = 48;
const VERSION = 1;
const SIGNAL = 1;
const BEATS = 2;

/**
 * @typedef {object} SignalFrame
 * @property {"signal"} kind
 * @property {number} patient
 * @property {string} id stream id
 * @property {number} record
 * @property {number} receivedAt epoch ms; 0 if it was read back from the database
 * @property {number} firstSample
 * @property {number} at epoch ms of firstSample
 * @property {number} fs Hz
 * @property {number} gain adu/mV
 * @property {number} baseline adu
 * @property {number} leads
 * @property {number} n samples per lead
 * @property {Int16Array} samples interleaved
 */

/**
 * @typedef {object} BeatsFrame
 * @property {"beats"} kind
 * @property {number} patient
 * @property {string} id
 * @property {number} record
 * @property {number} receivedAt
 * @property {number} fs
 * @property {number} heartRate per minute, NaN if unknown
 * @property {number} n
 * @property {number[]} samples
 * @property {number[]} at epoch ms
 * @property {Uint8Array} classes
 * @property {Uint8Array} probabilities 0..255
 */

/** @typedef {SignalFrame | BeatsFrame} Frame */

/**
 * Decode every frame of one message. Frames of an unknown version or kind are
 * skipped, so that a page that is a little older than the server goes on.
 * @param {ArrayBuffer} buffer
 * @returns {Frame[]}
 */
export function decode(buffer) {
  const view = new DataView(buffer);
  /** @type {Frame[]} */
  const frames = [];
  let offset = 0;
  while (offset + HEAD_BYTES <= buffer.byteLength) {
    const length = view.getUint32(offset + 4, true);
    if (length < HEAD_BYTES || offset + length > buffer.byteLength) {
      throw new RangeError("A live frame is cut off.");
    }
    const kind = view.getUint8(offset);
    if (view.getUint8(offset + 1) === VERSION) {
      if (kind === SIGNAL) frames.push(signal(view, offset));
      else if (kind === BEATS) frames.push(beats(view, offset));
    }
    offset += length;
  }
  return frames;
}

/** @param {DataView} view @param {number} o */
function head(view, o) {
  return {
    patient: integer(view, o + 8),
    id: `${integer(view, o + 16)}-${view.getUint32(o + 24, true)}`,
    n: view.getUint32(o + 28, true),
    record: integer(view, o + 32),
    receivedAt: integer(view, o + 40),
  };
}

/** @param {DataView} view @param {number} o @returns {SignalFrame} */
function signal(view, o) {
  const common = head(view, o);
  const leads = view.getUint16(o + 2, true);
  return {
    kind: "signal",
    ...common,
    leads,
    firstSample: integer(view, o + 48),
    at: integer(view, o + 56),
    fs: view.getUint32(o + 64, true),
    baseline: view.getInt32(o + 68, true),
    gain: view.getFloat64(o + 72, true),
    samples: new Int16Array(view.buffer, o + 80, common.n * leads),
  };
}

/** @param {DataView} view @param {number} o @returns {BeatsFrame} */
function beats(view, o) {
  const common = head(view, o);
  const n = common.n;
  const first = o + 56;
  return {
    kind: "beats",
    ...common,
    fs: view.getUint32(o + 48, true),
    heartRate: view.getFloat32(o + 52, true),
    samples: Array.from({ length: n }, (_, i) => integer(view, first + 8 * i)),
    at: Array.from({ length: n }, (_, i) => integer(view, first + 8 * (n + i))),
    classes: new Uint8Array(view.buffer, first + 16 * n, n),
    probabilities: new Uint8Array(view.buffer, first + 17 * n, n),
  };
}

/** @param {DataView} view @param {number} offset */
function integer(view, offset) {
  return Number(view.getBigInt64(offset, true));
}
