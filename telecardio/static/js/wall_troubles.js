// @ts-check
/** What is wrong with an open wall, in words. */

import { counter } from "./ages.js";

// Of few missed polls nobody needs to hear, nor that a page that was just opened has
// no connection yet.
const POLL_TROUBLE_MS = 8000;
const CONNECTION_TROUBLE_MS = 2000;
const SOON_MS = 30 * 60_000;

/**
 * @typedef {object} Standing
 * @property {boolean} signedOut
 * @property {boolean} stayFailed whether the session could not be prolonged just now
 * @property {boolean} databaseAway the last that was heard of it
 * @property {number} pollFailedMs for how long the alarms could not be asked for; 0: they can
 * @property {number} disconnectedMs for how long there has been no live socket; 0: there is one
 * @property {number} sessionLeftMs until the session ends; Infinity: not known
 */

/** Whether a session ends before anybody may look again. @param {number} leftMs */
export function endsSoon(leftMs) {
  return leftMs < SOON_MS;
}

/** @param {Standing} standing @returns {string[]} */
export function troubles(standing) {
  const { databaseAway, pollFailedMs, disconnectedMs, sessionLeftMs, stayFailed } = standing;
  if (standing.signedOut) return ["You are signed out: nobody is watched here."];
  if (databaseAway && (pollFailedMs || disconnectedMs)) {
    const since = counter(Math.max(pollFailedMs, disconnectedMs));
    return [
      `The database is away (since ${since}): nobody is watched here, no alarm is raised.`,
      "This page goes on by itself.",
    ];
  }
  const found = [];
  if (disconnectedMs > CONNECTION_TROUBLE_MS) {
    found.push(`No connection for ${counter(disconnectedMs)}: traces stand still.`);
  }
  if (pollFailedMs > POLL_TROUBLE_MS) {
    found.push(`Alarms could not be asked for since ${counter(pollFailedMs)}.`);
  }
  if (endsSoon(sessionLeftMs)) {
    // In minutes: a live region speaks at every write.
    const minutes = Math.max(1, Math.ceil(sessionLeftMs / 60_000));
    found.push(`You will be signed out in ${minutes} min; then nobody is watched here.`);
    if (stayFailed) found.push("Staying signed in did not work: try again.");
  }
  return found;
}
