// @ts-check
/** Who is on the wall: asked for now and then, and when the alarms name others. */

const REFRESH_MS = 30_000;
const TIMEOUT_MS = 20_000;

/**
 * @typedef {object} Answer
 * @property {number} user who is signed in
 * @property {number | null} session_ends_ms epoch ms
 * @property {import("./tile.js").Patient[]} patients
 */

export class Roster {
  /** @param {string} url @param {Answer} first as the page brought it @param {() => void} changed */
  constructor(url, first, changed) {
    this.url = url;
    this.user = first.user;
    this.patients = first.patients;
    this.sessionEndsAt = first.session_ends_ms ?? Infinity;
    this.changed = changed;
    this.asking = false;
  }

  start() {
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  /** @param {number} id */
  get(id) {
    return this.patients.find((patient) => patient.id === id);
  }

  /** The wards of those who are here, by name. @returns {string[]} */
  get wards() {
    return [...new Set(this.patients.map((patient) => patient.ward))].filter(Boolean).sort();
  }

  /** Ask, if the server just named others than are here. @param {Iterable<number>} ids */
  check(ids) {
    const named = new Set(ids);
    const same = this.patients.length === named.size;
    if (!same || this.patients.some((patient) => !named.has(patient.id))) void this.refresh();
  }

  /** Show these no more, at once. @param {number[]} ids */
  drop(ids) {
    this.patients = this.patients.filter((patient) => !ids.includes(patient.id));
    this.changed();
    void this.refresh();
  }

  async refresh() {
    if (this.asking) return;
    this.asking = true;
    try {
      const headers = { Accept: "application/json" };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const answer = await fetch(this.url, { headers, redirect: "manual", signal });
      // Whether the server can be asked, and who is signed in, the alarms' poll tells.
      if (answer.ok) this.take(await answer.json());
    } catch {
      // So does it tell of the network.
    } finally {
      this.asking = false;
    }
  }

  /** @param {Answer} answer */
  take(answer) {
    // Somebody else signed in with this browser: the page is the other one's.
    if (answer.user !== this.user) location.reload();
    this.patients = answer.patients;
    this.sessionEndsAt = answer.session_ends_ms ?? Infinity;
    this.changed();
  }
}
