import assert from "node:assert/strict";
import test from "node:test";

import { holesOf, rangeOf, secondsAt, stepOf } from "../../telecardio/static/js/record_outline.js";

test("it marks the time a few times, at round times", () => {
  assert.equal(stepOf(300), 60);
  assert.equal(stepOf(3600), 600);
  assert.equal(stepOf(24 * 3600), 21600);
  for (const seconds of [31, 500, 7000, 90_000, 3e6, 3e7]) {
    assert.ok(seconds / stepOf(seconds) <= 8, `${seconds} s`);
  }
});

test("it shows all of a lead, and a flat one not as a mountain", () => {
  const [low, high] = rangeOf({ low_mv: [-1, null, 0], high_mv: [1, null, 3] });
  assert.ok(low < -1 && low > -1.3 && high > 3 && high < 3.3);
  const flat = rangeOf({ low_mv: [0.01], high_mv: [0.02] });
  assert.ok(flat[1] - flat[0] >= 0.5);
  assert.deepEqual(rangeOf({ low_mv: [null], high_mv: [null] }), [-0.5, 0.5]);
});

test("it finds the stretches without a value", () => {
  assert.deepEqual(holesOf({ low_mv: [null, 1, null, null, 0, null] }), [[0, 1], [2, 4], [5, 6]]);
  assert.deepEqual(holesOf({ low_mv: [0, 0] }), []);
});

test("it finds the place under a click, and none outside", () => {
  const view = { start_s: 100, end_s: 400 };
  assert.equal(secondsAt(view, 56, 656), 100);
  assert.equal(secondsAt(view, 648, 656), 400);
  assert.equal(secondsAt(view, 352, 656), 250);
  assert.equal(secondsAt(view, 0, 656), 100);
  assert.equal(secondsAt(view, 2000, 656), 400);
});
