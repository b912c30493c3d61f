import assert from "node:assert/strict";
import test from "node:test";

import { Trace } from "../../telecardio/static/js/trace.js";

const FS = 100;

function packet(first, { n = 50, record = 1, at = 1_000_000 + first * 10 } = {}) {
  const samples = Int16Array.from({ length: n }, (_, i) => first + i);
  const common = { kind: "signal", patient: 1, id: "1-0", receivedAt: 0, leads: 1 };
  return { ...common, record, firstSample: first, at, fs: FS, gain: 10, baseline: 0, n, samples };
}

function beats(samples, symbol = 0, record = 1) {
  const n = samples.length;
  return {
    kind: "beats",
    record,
    n,
    samples,
    at: samples.map((s) => 1_000_000 + s * 10),
    classes: Uint8Array.from(samples, () => symbol),
    probabilities: Uint8Array.from(samples, () => 255),
    heartRate: 60,
  };
}

test("it keeps samples by their index, in millivolts", () => {
  const trace = new Trace();
  trace.addSignal(packet(0));
  trace.addSignal(packet(50));
  assert.ok(Math.abs(trace.value(73) - 7.3) < 1e-6);
  assert.equal(trace.endAt, 1_001_000);
  assert.ok(Number.isNaN(trace.value(100)));
});

test("it is not changed by the same packet again", () => {
  const trace = new Trace();
  for (const first of [0, 50, 0, 50]) trace.addSignal(packet(first));
  assert.equal(trace.end, 100);
  assert.ok(Math.abs(trace.value(3) - 0.3) < 1e-6);
});

test("it leaves a gap where a packet is missing, and fills it when it comes", () => {
  const trace = new Trace();
  trace.addSignal(packet(0));
  trace.addSignal(packet(100));
  assert.ok(Number.isNaN(trace.value(75)));
  trace.addSignal(packet(50));
  assert.ok(Math.abs(trace.value(75) - 7.5) < 1e-6);
});

test("it forgets what is older than its ring", () => {
  const trace = new Trace();
  for (let first = 0; first < 5000; first += 50) trace.addSignal(packet(first));
  assert.equal(trace.end - trace.start, 40 * FS);
  assert.ok(Number.isNaN(trace.value(10)));
  trace.addSignal(packet(5000 + 100 * 40 * FS));
  assert.ok(Number.isNaN(trace.value(4990)));
});

test("it begins anew with a newer record and ignores an older one", () => {
  const trace = new Trace();
  trace.addSignal(packet(0, { record: 2 }));
  assert.equal(trace.addSignal(packet(0, { record: 1, at: 990_000 })), false);
  assert.equal(trace.addSignal(packet(0, { record: 3, at: 1_010_000 })), true);
  assert.equal(trace.record, 3);
  assert.equal(trace.endAt, 1_010_500);
});

test("it begins anew with a newer record whose clock was set back", () => {
  const trace = new Trace();
  trace.addSignal(packet(0, { at: 1_240_000 }));
  assert.equal(trace.addSignal(packet(0, { record: 2, at: 1_000_000 })), true);
  assert.equal(trace.endAt, 1_000_500);
});

test("it gives a beat its newest label and names only new beats", () => {
  const trace = new Trace();
  trace.addSignal(packet(0));
  assert.equal(trace.addBeats(beats([10, 30])).length, 2);
  assert.equal(trace.addBeats(beats([30, 45], 2)).length, 1);
  assert.deepEqual(
    trace.lastBeats(2).map((beat) => [beat.sample, beat.symbol]),
    [
      [30, 2],
      [45, 2],
    ],
  );
  assert.deepEqual(trace.addBeats(beats([48], 2, 9)), []);
});
