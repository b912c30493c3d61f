// @ts-check
/** One WebSocket that says what it shows, and resumes by stream id. */

import { decode } from "./frames.js";
import { ServerClock } from "./server_clock.js";

const NOT_SIGNED_IN = 4401;
const DATABASE_AWAY = 1013;
const PING_MS = 5000;
const SILENT_MS = 12000;

/** @typedef {"connecting" | "live" | "reconnecting" | "database-away" | "signed-out"} Connection */

export class LiveSocket {
  /**
   * @param {object} on
   * @param {(frames: import("./frames.js").Frame[]) => void} on.frames
   * @param {(message: any) => void} on.message
   * @param {(state: Connection) => void} on.state
   */
  constructor(on) {
    this.on = on;
    this.clock = new ServerClock();
    /** @type {Map<number, string>} newest stream id per patient */
    this.newest = new Map();
    /** @type {number[]} */
    this.patients = [];
    this.tries = 0;
    this.databaseAway = false;
    this.heardAt = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
  }

  start() {
    setInterval(() => this.ping(), PING_MS);
    this.open();
  }

  /** Show these patients from now on. @param {number[]} patients */
  watch(patients) {
    const left = new Set(this.patients);
    this.patients = patients;
    for (const patient of patients) left.delete(patient);
    // What is shown again later begins anew: its trace is not kept.
    for (const patient of left) this.newest.delete(patient);
    this.say();
  }

  say() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const since = Object.fromEntries(this.newest);
    this.socket.send(JSON.stringify({ watch: this.patients, since }));
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live/`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    if (!this.databaseAway) this.on.state(this.tries ? "reconnecting" : "connecting");
    socket.onopen = () => {
      this.heardAt = Date.now();
      this.ping();
      this.say();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      if (event.code === NOT_SIGNED_IN) {
        this.on.state("signed-out");
        return;
      }
      this.databaseAway = event.code === DATABASE_AWAY;
      this.reopen();
    };
  }

  reopen() {
    this.tries += 1;
    this.on.state(this.databaseAway ? "database-away" : "reconnecting");
    // Many walls must not knock at the same moment after a restart.
    const wait = Math.min(500 * 2 ** (this.tries - 1), 8000) * (0.5 + Math.random());
    setTimeout(() => this.open(), wait);
  }

  ping() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.heardAt > SILENT_MS) {
      // The network went away without a word: the browser would wait minutes.
      const dead = this.socket;
      this.socket = null;
      this.databaseAway = false;
      dead.close();
      this.reopen();
      return;
    }
    this.socket.send(JSON.stringify({ ping: Date.now() }));
  }

  welcome() {
    this.tries = 0;
    this.databaseAway = false;
    this.on.state("live");
  }

  /** @param {ArrayBuffer | string} data */
  receive(data) {
    this.heardAt = Date.now();
    if (typeof data !== "string") {
      const frames = decode(data);
      for (const frame of frames) this.newest.set(frame.patient, frame.id);
      this.on.frames(frames);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "pong") {
      this.clock.note(message.ping, Date.now(), message.now_ms);
    } else {
      // Only now it is known that the server can look up who this is.
      if (message.type === "hello") this.welcome();
      if (message.type === "state") this.newest.set(message.patient, message.id);
      this.on.message(message);
    }
  }
}
