// @ts-check
/** The sounds of alarms: which pulses, and how often. */

export const LOW = 1;
export const MEDIUM = 2;
export const HIGH = 3;

/** @typedef {{startS: number, lengthS: number, hz: number}} Pulse */

const GAP = { [HIGH]: 6, [MEDIUM]: 15, [LOW]: 30 };

/** Seconds from one burst to the next. @param {number} priority */
export function everyS(priority) {
  return GAP[priority] ?? Infinity;
}

/** High: two groups of five pulses; medium: three; low: one. @param {number} priority @returns {Pulse[]} */
export function pulses(priority) {
  if (priority >= HIGH) {
    const five = [0, 0.2, 0.4, 0.75, 0.95];
    return [...five, ...five.map((s) => s + 1.6)].map((startS) => pulse(startS, 0.13, 880));
  }
  if (priority === MEDIUM) return [0, 0.35, 0.7].map((s) => pulse(s, 0.2, 660));
  if (priority === LOW) return [pulse(0, 0.2, 520)];
  return [];
}

/** @param {number} startS @param {number} lengthS @param {number} hz @returns {Pulse} */
function pulse(startS, lengthS, hz) {
  return { startS, lengthS, hz };
}
