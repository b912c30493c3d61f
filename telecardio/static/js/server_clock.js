// @ts-check
/** The server's time, from the pings with the shortest way. */

export class ServerClock {
  constructor() {
    /** @type {{roundTrip: number, offset: number}[]} */
    this.samples = [];
    this.offset = 0;
  }

  /**
   * Note what one ping told; all times in epoch ms.
   * @param {number} sentAt @param {number} receivedAt @param {number} serverNow
   */
  note(sentAt, receivedAt, serverNow) {
    const roundTrip = receivedAt - sentAt;
    this.samples.push({ roundTrip, offset: serverNow - (sentAt + roundTrip / 2) });
    if (this.samples.length > 8) this.samples.shift();
    const best = this.samples.reduce((a, b) => (b.roundTrip < a.roundTrip ? b : a));
    this.offset = best.offset;
  }

  /** @returns {number} epoch ms */
  now() {
    return Date.now() + this.offset;
  }
}
