import assert from "node:assert/strict";
import test from "node:test";

import { ageOf } from "../../telecardio/static/js/ages.js";
import { Latency } from "../../telecardio/static/js/latency.js";
import { Monitor } from "../../telecardio/static/js/monitor.js";
import { Playout } from "../../telecardio/static/js/playout.js";
import { ServerClock } from "../../telecardio/static/js/server_clock.js";

test("it says how old data is, and that there is none", () => {
  assert.deepEqual(ageOf(900), { level: "live", text: "0 s ago" });
  assert.deepEqual(ageOf(7400), { level: "delayed", text: "delayed 7 s" });
  assert.deepEqual(ageOf(42_000), { level: "none", text: "NO DATA 00:42" });
  assert.equal(ageOf(3 * 3600e3 + 12 * 60e3).text, "NO DATA 3 h 12 min");
  assert.equal(ageOf(4 * 86400e3).text, "NO DATA 4 days");
  assert.equal(ageOf(null).level, "none");
});

/** Play packets of ``packetMs`` for ``seconds``; return what the eye saw. */
function play(packetMs, seconds, jitter = () => 0) {
  const playout = new Playout();
  const start = 1_000_000;
  const seen = [];
  let arrived = 0;
  for (let now = start; now < start + seconds * 1000; now += 33) {
    while (start + (arrived + 1) * packetMs + jitter(arrived) <= now) {
      arrived += 1;
      playout.arrived(start + arrived * packetMs, packetMs, now);
    }
    const at = playout.tick(now);
    if (at) seen.push({ now, at, newest: playout.newest });
  }
  return seen;
}

for (const packetMs of [200, 1000, 5000]) {
  test(`it plays packets of ${packetMs} ms evenly, less than twice that behind`, () => {
    const seen = play(packetMs, 40).slice(-300);
    const steps = seen.slice(1).map((s, i) => s.at - seen[i].at);
    assert.ok(Math.min(...steps) > 25, `slowest step ${Math.min(...steps)} ms`);
    assert.ok(Math.max(...steps) < 42, `fastest step ${Math.max(...steps)} ms`);
    const lag = Math.max(...seen.map((s) => s.now - s.at));
    assert.ok(lag < 2 * packetMs + 400, `lag ${lag} ms`);
  });
}

test("it does not stall when packets come a little late", () => {
  const seen = play(1000, 60, (i) => (i % 3) * 150).slice(-600);
  const steps = seen.slice(1).map((s, i) => s.at - seen[i].at);
  assert.ok(Math.min(...steps) > 20);
});

test("it never plays beyond the newest sample", () => {
  for (const { at, newest } of play(1000, 5)) assert.ok(at <= newest);
  const playout = new Playout();
  playout.arrived(1_000_000, 1000, 1_000_100);
  for (let now = 1_000_100; now < 1_020_000; now += 33) playout.tick(now);
  assert.equal(playout.playhead, 1_000_000);
});

test("it jumps to now after the tab was hidden", () => {
  const playout = new Playout();
  for (let i = 0; i < 100; i += 1) {
    playout.arrived(1_000_000 + i * 1000, 1000, 1_000_000 + i * 1000 + 50);
    if (i < 10) playout.tick(1_000_000 + i * 1000 + 60);
  }
  playout.jump();
  const at = playout.tick(1_099_100);
  assert.ok(1_099_100 - at < 2500 && at <= 1_099_000);
});

/** A second of signal whose device's clock is ``aheadMs`` ahead, stored at ``now``. */
function second(first, now, { aheadMs = 0, record = 1 } = {}) {
  const head = { kind: "signal", patient: 1, id: `${now}-0`, receivedAt: now, record };
  const format = { fs: 100, gain: 200, baseline: 0, leads: 1, n: 100 };
  const at = now - 1000 + aheadMs;
  return { ...head, ...format, firstSample: first, at, samples: new Int16Array(100) };
}

test("a device whose clock is ahead does not look live after it fell silent", () => {
  const monitor = new Monitor();
  const now = 1_000_000;
  assert.equal(monitor.age(now), null);
  monitor.take(second(0, now, { aheadMs: 240_000 }), now);
  assert.equal(monitor.age(now + 15_000), 15_000);
});

test("it plays on at once when a device's clock is set back", () => {
  for (const record of [1, 2]) {
    const monitor = new Monitor();
    let now = 1_000_000;
    const hear = (/** @type {object} */ how) => {
      now += 1000;
      monitor.take(second((now / 10) % 100_000, now, how), now);
      return monitor.playout.tick(now);
    };
    for (let i = 0; i < 20; i += 1) hear({ aheadMs: 240_000 });
    hear({ record });
    hear({ record });
    const lag = now - hear({ record });
    assert.ok(lag > 0 && lag < 4000, `record ${record}: lag ${lag} ms`);
    assert.equal(monitor.age(now), 0);
  }
});

test("it takes the server's time from the fastest ping", () => {
  const clock = new ServerClock();
  clock.note(1000, 1900, 9000);
  clock.note(5000, 5010, 12_005);
  assert.equal(clock.offset, 7000);
});

test("it knows the 95th percentile of the last minute", () => {
  const latency = new Latency();
  assert.ok(Number.isNaN(latency.p95()));
  for (let i = 1; i <= 100; i += 1) latency.note(i, 0);
  assert.equal(latency.p95(), 96);
  latency.note(5, 61_000);
  assert.equal(latency.p95(), 5);
});
