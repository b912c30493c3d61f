// @ts-check
/** The open alarms: asked for every five seconds, and pushed between. */

const POLL_MS = 5000;
// A server that hangs does not refuse: a browser would wait for minutes.
const TIMEOUT_MS = 10_000;

/**
 * @typedef {object} Alarm
 * @property {number} id
 * @property {string} rule
 * @property {string} words
 * @property {number} priority
 * @property {string} state
 * @property {string} detail
 * @property {string} onset_at
 * @property {boolean} acknowledged
 */

/**
 * @typedef {object} Device what the server knows of a patient's device
 * @property {number} patient
 * @property {number | null} battery
 * @property {number | null} received_ms
 */

export class OpenAlarms {
  /** @param {string} url @param {() => void} changed */
  constructor(url, changed) {
    this.url = url;
    this.changed = changed;
    /** @type {Map<number, Alarm[]>} */
    this.byPatient = new Map();
    /** @type {Map<number, number>} time of the newest push per patient */
    this.pushedAt = new Map();
    /** @type {Map<number, Device>} */
    this.devices = new Map();
    this.failedSince = 0;
    this.databaseAway = false;
    this.signedOut = false;
    /** Whether it was signed out, and is not any more. */
    this.isBack = false;
    this.loaded = false;
    this.polledAt = 0;
    /** Counts the polls, and which of them the newest answer is of. */
    this.asked = 0;
    this.answered = 0;
  }

  start() {
    void this.poll();
    setInterval(() => this.poll(), POLL_MS);
  }

  /** Worst first. @param {number} patient @returns {Alarm[]} */
  of(patient) {
    return this.byPatient.get(patient) ?? [];
  }

  /** @returns {Alarm[]} */
  all() {
    return [...this.byPatient.values()].flat();
  }

  /** How many are open of a priority. @param {number} priority */
  count(priority) {
    return this.all().filter((alarm) => alarm.priority === priority).length;
  }

  /** The highest priority that nobody acknowledged; 0 for none. */
  loudest() {
    const open = this.all().filter((alarm) => !alarm.acknowledged);
    return open.reduce((worst, alarm) => Math.max(worst, alarm.priority), 0);
  }

  /** @param {number} patient @param {Alarm[]} alarms @param {number} at epoch ms */
  push(patient, alarms, at) {
    // A fresh page is filled with states that are older than the poll.
    if (at < Math.max(this.pushedAt.get(patient) ?? 0, this.polledAt)) return;
    this.pushedAt.set(patient, at);
    this.byPatient.set(patient, alarms);
    this.changed();
  }

  async poll() {
    const askedAt = Date.now();
    const number = ++this.asked;
    // An answer to what was asked before does not say that somebody is signed in.
    const wasOut = this.signedOut;
    try {
      const answer = await fetch(this.url, {
        headers: { Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        this.signedOut = true;
      }
      this.databaseAway = answer.status === 503;
      if (!answer.ok) throw new Error(`Answer ${answer.status}`);
      const told = await answer.json();
      // A slow one says what a newer one has corrected.
      if (number < this.answered) return;
      this.answered = number;
      this.take(told);
      this.isBack = wasOut;
      if (wasOut) this.signedOut = false;
      this.failedSince = 0;
    } catch {
      if (number > this.answered) this.failedSince ||= askedAt;
    }
    this.changed();
  }

  /** @param {{now_ms: number, alarms: (Alarm & {patient: number})[], devices: Device[]}} answer */
  take(answer) {
    this.loaded = true;
    this.polledAt = answer.now_ms;
    this.devices = new Map(answer.devices.map((device) => [device.patient, device]));
    /** @type {Map<number, Alarm[]>} */
    const polled = new Map();
    for (const alarm of answer.alarms) {
      polled.set(alarm.patient, [...(polled.get(alarm.patient) ?? []), alarm]);
    }
    for (const [patient, at] of this.pushedAt) {
      // A push that is newer than the answer knows better.
      if (at > answer.now_ms) polled.set(patient, this.of(patient));
    }
    this.byPatient = polled;
  }
}
