// @ts-check
/** ECG paper on a screen: 96 CSS pixels are one inch. */

export const MM_PX = 96 / 25.4;
export const MM_PER_S = 25;
export const MM_PER_MV = 10;

/** Milliseconds that fit into a width. @param {number} widthPx */
export function spanMs(widthPx) {
  return (1000 * widthPx) / (MM_PX * MM_PER_S);
}

/**
 * Where a time is, when ``rightAt`` is at the right edge.
 * @param {number} at @param {number} rightAt @param {number} widthPx
 */
export function xOnPaper(at, rightAt, widthPx) {
  return widthPx - ((rightAt - at) / 1000) * MM_PER_S * MM_PX;
}

/**
 * Where a voltage is, when ``centreMv`` is in the middle.
 * @param {number} mv @param {number} centreMv @param {number} heightPx
 */
export function yOnPaper(mv, centreMv, heightPx) {
  return heightPx / 2 - (mv - centreMv) * MM_PER_MV * MM_PX;
}

/**
 * Leave out the labels that would cover the one before them.
 * @param {{x: number, width: number}[]} labels from left to right
 * @param {number} rows
 * @returns {number[]} a row for each label, -1 for none
 */
export function labelRows(labels, rows) {
  const ends = new Array(rows).fill(-Infinity);
  return labels.map(({ x, width }) => {
    const row = ends.findIndex((end) => end <= x - width / 2);
    if (row >= 0) ends[row] = x + width / 2 + 6;
    return row;
  });
}
