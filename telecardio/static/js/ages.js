// @ts-check
/** Nothing old looks live. */

export const DELAYED_MS = 5000;
export const NO_DATA_MS = 10_000;

/** @typedef {{level: "live" | "delayed" | "none", text: string}} Age */

/**
 * Say how old the newest sample is.
 * @param {number | null} ageMs null: nothing was ever received
 * @returns {Age}
 */
export function ageOf(ageMs) {
  if (ageMs === null) return { level: "none", text: "NO DATA YET" };
  if (ageMs > NO_DATA_MS) return { level: "none", text: `NO DATA ${counter(ageMs)}` };
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (ageMs > DELAYED_MS) return { level: "delayed", text: `delayed ${seconds} s` };
  return { level: "live", text: `${seconds} s ago` };
}

/** @param {number} ms @returns {string} */
export function counter(ms) {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours) return `${hours} h ${pad(minutes % 60)} min`;
  return `${pad(minutes)}:${pad(seconds % 60)}`;
}

/** @param {number} n */
function pad(n) {
  return String(n).padStart(2, "0");
}
