// @ts-check
/** Worst first, but calmly. */

const HYSTERESIS_MS = 10_000;

/**
 * @typedef {object} Rank
 * @property {number} id
 * @property {number} priority highest open alarm, -1 for none
 * @property {boolean} unacknowledged
 * @property {boolean} pinned
 * @property {string} code
 */

/** Priority, then unacknowledged, then pinned, then code. @param {Rank} a @param {Rank} b */
export function worse(a, b) {
  return (
    b.priority - a.priority ||
    Number(b.unacknowledged) - Number(a.unacknowledged) ||
    Number(b.pinned) - Number(a.pinned) ||
    (a.code < b.code ? -1 : a.code > b.code ? 1 : a.id - b.id)
  );
}

export class Order {
  constructor() {
    /** @type {number[]} */
    this.shown = [];
    this.differsSince = NaN;
  }

  /**
   * Return the ids in the order to show. A new order must hold for ten seconds,
   * and the held tile (under the pointer, or focused) keeps its place.
   * @param {Rank[]} ranks
   * @param {number} now
   * @param {number | null} held
   * @returns {number[]}
   */
  update(ranks, now, held) {
    const wanted = [...ranks].sort(worse).map((rank) => rank.id);
    const place = held === null ? -1 : this.shown.indexOf(held);
    const from = held === null ? -1 : wanted.indexOf(held);
    if (place >= 0 && from >= 0) wanted.splice(place, 0, ...wanted.splice(from, 1));
    const same = new Set(this.shown);
    if (wanted.length !== same.size || wanted.some((id) => !same.has(id))) {
      // Other patients than before: one came or left, or the filter was changed.
      this.differsSince = NaN;
      this.shown = wanted;
      return this.shown;
    }
    if (wanted.every((id, i) => id === this.shown[i])) {
      this.differsSince = NaN;
    } else if (Number.isNaN(this.differsSince)) {
      this.differsSince = now;
    } else if (now - this.differsSince >= HYSTERESIS_MS) {
      this.differsSince = NaN;
      this.shown = wanted;
    }
    return this.shown;
  }
}
