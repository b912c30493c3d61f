import assert from "node:assert/strict";
import test from "node:test";

import { beatWords } from "../../telecardio/static/js/beat_words.js";
import { OpenAlarms } from "../../telecardio/static/js/open_alarms.js";
import { Order } from "../../telecardio/static/js/order.js";
import { labelRows, spanMs, xOnPaper, yOnPaper } from "../../telecardio/static/js/paper_geometry.js";
import { everyS, pulses } from "../../telecardio/static/js/pulses.js";
import { rangeFor, stripes, timeAt, xOf } from "../../telecardio/static/js/sweep_geometry.js";
import { Vitals } from "../../telecardio/static/js/vitals.js";
import { troubles } from "../../telecardio/static/js/wall_troubles.js";

const calm = (id, code = `P-${id}`) => ({ id, code, priority: -1, unacknowledged: false, pinned: false });

test("it shows the worst first: priority, unacknowledged, pinned, code", () => {
  const ranks = [
    calm(1),
    { ...calm(2), pinned: true },
    { ...calm(3), priority: 2 },
    { ...calm(4), priority: 2, unacknowledged: true },
    { ...calm(5), priority: 3 },
    calm(6, "P-0"),
  ];
  assert.deepEqual(new Order().update(ranks, 0, null), [5, 4, 3, 2, 6, 1]);
});

test("it moves a tile only after ten seconds", () => {
  const order = new Order();
  order.update([calm(1), calm(2)], 0, null);
  const worse = [calm(1), { ...calm(2), priority: 3 }];
  assert.deepEqual(order.update(worse, 1000, null), [1, 2]);
  assert.deepEqual(order.update(worse, 10_900, null), [1, 2]);
  assert.deepEqual(order.update(worse, 11_000, null), [2, 1]);
});

test("it does not move for what is over within ten seconds", () => {
  const order = new Order();
  order.update([calm(1), calm(2)], 0, null);
  order.update([calm(1), { ...calm(2), priority: 3 }], 1000, null);
  order.update([calm(1), calm(2)], 5000, null);
  assert.deepEqual(order.update([calm(1), { ...calm(2), priority: 3 }], 12_000, null), [1, 2]);
});

test("it leaves the tile under the pointer where it is when somebody comes or goes", () => {
  const order = new Order();
  order.update([calm(2), calm(3), calm(4)], 0, null);
  const come = [calm(1), calm(2), calm(3), calm(4)];
  assert.deepEqual(order.update(come, 0, 2), [2, 1, 3, 4]);
  assert.deepEqual(order.update(come.slice(1), 0, 4), [2, 3, 4]);
  assert.deepEqual(order.update([calm(2), calm(3)], 0, 4), [2, 3]);
});

test("it never moves the tile under the pointer", () => {
  const order = new Order();
  order.update([calm(1), calm(2), calm(3)], 0, null);
  const worse = [calm(1), calm(2), { ...calm(3), priority: 3 }];
  order.update(worse, 0, 1);
  assert.deepEqual(order.update(worse, 60_000, 1), [1, 3, 2]);
});

test("it wraps the sweep and knows which time is at a place", () => {
  assert.equal(xOf(7000 * 3 + 3500, 7000, 100), 50);
  assert.deepEqual(stripes(6900, 7100, 7000, 700), [
    [690, 10],
    [0, 10],
  ]);
  assert.equal(timeAt(50, 100, 7000 + 5000, 7000), 7000 + 3500);
  assert.equal(timeAt(90, 100, 7000 + 5000, 7000), 6300);
});

test("it takes a larger range at once and a smaller one with room to spare", () => {
  assert.equal(rangeFor(3, 2.5), 5);
  assert.equal(rangeFor(2.2, 5), 5);
  assert.equal(rangeFor(1.7, 5), 2.5);
});

test("it draws 25 mm a second and 10 mm a millivolt", () => {
  const mm = 96 / 25.4;
  assert.ok(Math.abs(spanMs(250 * mm) - 10_000) < 1e-6);
  assert.ok(Math.abs(xOnPaper(9000, 10_000, 500) - (500 - 25 * mm)) < 1e-9);
  assert.ok(Math.abs(yOnPaper(1, 0, 200) - (100 - 10 * mm)) < 1e-9);
});

test("it leaves out a label rather than cover another", () => {
  const labels = [10, 20, 30, 100].map((x) => ({ x, width: 60 }));
  assert.deepEqual(labelRows(labels, 2), [0, 1, -1, 0]);
});

test("it says beats in words with their probability", () => {
  assert.equal(beatWords(["normal", "s", "ventricular"], { symbol: 2, probability: 0.969 }), "ventricular 97 %");
});

test("it sounds 2 x 5, 3 and 1 pulses, the worst most often", () => {
  assert.deepEqual([3, 2, 1, 0].map((p) => pulses(p).length), [10, 3, 1, 0]);
  assert.ok(everyS(3) < everyS(2) && everyS(2) < everyS(1));
});

test("it shows no heart rate that is old or unknown", () => {
  const vitals = new Vitals();
  assert.equal(vitals.heartRateText(0), "--");
  vitals.noteState({ rhythm: "", quality: "good", heart_rate: 71.6 }, 1000);
  assert.equal(vitals.heartRateText(2000), "72");
  assert.equal(vitals.heartRateText(12_000), "--");
  vitals.noteState({ rhythm: "Asystole", quality: "good", heart_rate: null }, 3000);
  assert.equal(vitals.heartRateText(3500), "--");
  vitals.noteState({ rhythm: "late", quality: "motion", heart_rate: 50 }, 2000);
  assert.equal(vitals.rhythmText(4000), "Asystole");
  // Nobody has looked since.
  assert.equal(vitals.rhythmText(40_000), "");
});

test("it says what is wrong with the wall, the worst alone", () => {
  const well = {
    signedOut: false,
    stayFailed: false,
    databaseAway: false,
    pollFailedMs: 0,
    disconnectedMs: 0,
    sessionLeftMs: Infinity,
  };
  const said = (how) => troubles({ ...well, ...how }).join(" ");
  assert.equal(said({}), "");
  assert.equal(said({ disconnectedMs: 1500, pollFailedMs: 5000 }), "");
  assert.equal(said({ disconnectedMs: 9000 }), "No connection for 00:09: traces stand still.");
  assert.match(said({ pollFailedMs: 9000 }), /^Alarms could not be asked for since 00:09/);
  assert.match(said({ databaseAway: true, pollFailedMs: 9000 }), /^The database is away/);
  // What was heard of it last is past once everything answers again.
  assert.equal(said({ databaseAway: true }), "");
  assert.equal(said({ sessionLeftMs: 31 * 60_000 }), "");
  assert.match(said({ sessionLeftMs: 12.2 * 60_000 }), /^You will be signed out in 13 min/);
  const failed = said({ sessionLeftMs: 60_000, stayFailed: true });
  assert.match(failed, /^You will be signed out in 1 min.*did not work: try again.$/);
  const out = { signedOut: true, databaseAway: true, disconnectedMs: 60_000 };
  assert.equal(said(out), "You are signed out: nobody is watched here.");
});

test("an answer that comes late changes nothing that a newer one said", async () => {
  const alarms = new OpenAlarms("/alarms/", () => {});
  const answers = [];
  globalThis.fetch = () => new Promise((resolve) => answers.push(resolve));
  const told = (found) => ({
    ok: true,
    status: 200,
    json: async () => ({ now_ms: 1000, devices: [], alarms: found }),
  });
  const polls = [alarms.poll(), alarms.poll(), alarms.poll()];
  answers[1](told([]));
  await polls[1];
  answers[0](told([{ id: 1, patient: 7, priority: 3, acknowledged: false }]));
  await polls[0];
  assert.equal(alarms.loudest(), 0);
  answers[2](told([{ id: 2, patient: 7, priority: 2, acknowledged: false }]));
  await polls[2];
  assert.equal(alarms.loudest(), 2);
});
