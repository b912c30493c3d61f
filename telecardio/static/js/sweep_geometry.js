// @ts-check
/** Where times are on a sweeping trace, which is written over from the left. */

/**
 * @param {number} at epoch ms
 * @param {number} spanMs time of one sweep
 * @param {number} width
 * @returns {number} x in [0, width)
 */
export function xOf(at, spanMs, width) {
  return ((at % spanMs) / spanMs) * width;
}

/**
 * The time that is drawn at ``x``, if the trace is drawn up to ``drawnTo``.
 * @param {number} x @param {number} width @param {number} drawnTo @param {number} spanMs
 */
export function timeAt(x, width, drawnTo, spanMs) {
  const at = drawnTo - (drawnTo % spanMs) + (x / width) * spanMs;
  return at > drawnTo ? at - spanMs : at;
}

/**
 * The parts of the width that belong to a stretch of time, split where it wraps.
 * @param {number} from @param {number} to @param {number} spanMs @param {number} width
 * @returns {[number, number][]} pairs of x and width
 */
export function stripes(from, to, spanMs, width) {
  if (to - from >= spanMs) return [[0, width]];
  const left = xOf(from, spanMs, width);
  const right = xOf(to, spanMs, width);
  if (right >= left) return [[left, right - left]];
  return [
    [left, width - left],
    [0, right],
  ];
}

/**
 * How many millivolts the height of the trace shows, for this peak to peak height.
 * A larger range is taken at once, a smaller one only when there is room to spare.
 * @param {number} peakToPeakMv @param {number} current
 */
export function rangeFor(peakToPeakMv, current) {
  const ranges = [1.8, 2.5, 5, 10, 20];
  const fit = ranges.find((range) => peakToPeakMv < 0.9 * range) ?? 20;
  if (fit >= current) return fit;
  return peakToPeakMv < 0.7 * fit ? fit : current;
}
