import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { decode } from "../../telecardio/static/js/frames.js";

/** A message that telecardio/live/frames.py made (see test_modules.py). */
const golden = JSON.parse(readFileSync(process.env.LIVE_FRAMES, "utf8"));
const bytes = Uint8Array.from(Buffer.from(golden.message, "base64"));
const message = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

test("it decodes what the server packs, sample for sample", () => {
  const [signal, beats] = decode(message);
  assert.equal(signal.kind, "signal");
  assert.deepEqual([...signal.samples], golden.samples);
  for (const name of ["patient", "id", "record", "receivedAt", "firstSample", "at"]) {
    assert.equal(signal[name], golden.signal[name], name);
  }
  for (const name of ["fs", "gain", "baseline", "leads", "n"]) {
    assert.equal(signal[name], golden.signal[name], name);
  }
  assert.equal(beats.kind, "beats");
  assert.deepEqual(beats.samples, golden.beats.samples);
  assert.deepEqual(beats.at, golden.beats.at);
  assert.deepEqual([...beats.classes], golden.beats.classes);
  assert.deepEqual([...beats.probabilities], golden.beats.probabilities);
  assert.ok(Math.abs(beats.heartRate - golden.beats.heartRate) < 1e-4);
});

test("it refuses a frame that is cut off", () => {
  assert.throws(() => decode(message.slice(0, message.byteLength - 8)), RangeError);
});

test("it skips a version it does not know", () => {
  const other = message.slice(0);
  new DataView(other).setUint8(1, 9);
  assert.deepEqual(
    decode(other).map((frame) => frame.kind),
    ["beats"],
  );
});
