// Moves through a recording: the window is in the URL, and every key has a link.

import { drawOutline, secondsAt } from "./record_outline.js";
import { drawWindow } from "./record_paper.js";

const paper = document.getElementById("paper");
const canvas = paper.querySelector("canvas");
const position = document.getElementById("position");
const damage = document.getElementById("window-damage");
const notes = document.getElementById("window-notes");
const choice = document.getElementById("seconds");
const duration = Number(paper.dataset.duration);
// Of a longer window only an outline is sent.
const mostSeconds = Number(paper.dataset.mostSeconds);
let seconds = Number(paper.dataset.seconds);
let outline = null;
let start = clamp(Number(paper.dataset.start));
let asked = 0;
const RETRY_MS = 5000;

function last() {
  return Math.max(0, duration - seconds);
}

function clamp(at) {
  return Math.min(Math.max(at, 0), last());
}

function isOutline() {
  return seconds > mostSeconds;
}

function clock(at) {
  const tenths = Math.round(at * 10);
  const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

async function show(at) {
  start = clamp(Math.round(at * 10) / 10);
  const turn = (asked += 1);
  const address = new URL(window.location.href);
  address.searchParams.set("start", String(start));
  address.searchParams.set("seconds", String(seconds));
  history.replaceState(null, "", address);
  for (const link of document.querySelectorAll("[data-step]")) {
    link.href = `?start=${target(link.dataset.step)}`;
  }
  for (const part of document.querySelectorAll("[data-step-words]")) {
    part.textContent = choice.selectedOptions[0].textContent;
    // Of what is shown as a whole there is nothing before and after.
    part.parentElement.hidden = last() === 0;
  }
  position.value = String(start);
  let view;
  try {
    const query = new URLSearchParams({ start: String(start), seconds: String(seconds) });
    if (paper.dataset.annotator) query.set("annotator", paper.dataset.annotator);
    const answer = await fetch(`${paper.dataset.url}?${query}`);
    if (answer.status === 503) {
      wait(turn);
      return;
    }
    // The session has ended: the answer is the form to sign in.
    if (answer.redirected) location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    view = await answer.json();
  } catch {
    if (turn === asked) notes.textContent = paper.dataset.failed;
    return;
  }
  // A slower answer to an earlier key must not be drawn over this one.
  if (turn !== asked) return;
  draw(view);
  document.getElementById("place").textContent = `${clock(view.start_s)}–${clock(view.end_s)} / ${clock(duration)}`;
  const places = view.damaged.map((span) => `${clock(span.start_s)}–${clock(span.end_s)}`);
  damage.hidden = places.length === 0;
  damage.textContent = places.length ? `${paper.dataset.damagedSpans} ${places.join(", ")}` : "";
  notes.textContent = outline ? counted(view.episodes) : named(view.episodes);
  listBeats(view.beats ?? []);
  paper.dataset.shown = String(view.start_s);
}

function draw(view) {
  const { notYet, noSignal, damaged } = paper.dataset;
  const words = { notYet, noSignal, damaged };
  outline = isOutline() ? view : null;
  document.getElementById("legend").hidden = !outline;
  // What is 25 mm/s on ECG paper is not in an outline.
  document.getElementById("scale").hidden = Boolean(outline);
  paper.classList.toggle("outline", Boolean(outline));
  if (!outline) drawWindow(canvas, view, words);
  document.getElementById("wider").hidden = Boolean(outline) || canvas.clientWidth <= paper.clientWidth;
  if (!outline) return;
  document.querySelector("#legend [data-bin]").textContent = `${Number(view.bin_s.toPrecision(2))} s`;
  drawOutline(canvas, view, words, clock);
}

function named(episodes) {
  return episodes
    .map((episode) => `${episode.words}${episode.detail ? `: ${episode.detail}` : ""} (${clock(episode.onset_s)}–${clock(episode.end_s)})`)
    .join("; ");
}

/** Hours may have hundreds: how many there are of each kind. */
function counted(episodes) {
  const counts = new Map();
  for (const { words } of episodes) counts.set(words, (counts.get(words) ?? 0) + 1);
  const kinds = [...counts].sort((a, b) => b[1] - a[1]);
  return kinds.map(([words, count]) => `${words} × ${count}`).join("; ") || paper.dataset.noEpisodes;
}

/** The database is away: say so, and ask again unless somebody has moved on. */
function wait(turn) {
  if (turn !== asked) return;
  notes.textContent = paper.dataset.away;
  setTimeout(() => {
    if (turn === asked) show(start);
  }, RETRY_MS);
}

function target(step) {
  if (step === "start") return 0;
  if (step === "end") return last();
  return Math.round(10 * clamp(start + (step === "on" ? seconds : -seconds))) / 10;
}

function listBeats(beats) {
  document.getElementById("beat-count").textContent = String(beats.length);
  const rows = beats.map((beat) => {
    const row = document.createElement("tr");
    const cells = [
      clock(beat.at_s),
      `${beat.word} (${beat.symbol})`,
      `${(100 * beat.probability).toFixed(1)} %`,
      beat.figure || "–",
      beat.rr_ms === null ? "–" : `${beat.rr_ms} ms`,
    ];
    cells.forEach((words, index) => {
      const cell = document.createElement("td");
      cell.textContent = words;
      if (index === 2 || index === 4) cell.className = "number";
      row.append(cell);
    });
    return row;
  });
  if (!rows.length) {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("td"), { textContent: outline ? paper.dataset.beatsLater : paper.dataset.noBeats, colSpan: 5 }));
    rows.push(row);
  }
  document.querySelector("#beats tbody").replaceChildren(...rows);
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = (event.shiftKey ? 10 : 1) * (isOutline() ? seconds / 10 : 1);
  const places = { ArrowLeft: start - step, ArrowRight: start + step, Home: 0, End: last() };
  if (event.key in places) {
    event.preventDefault();
    show(places[event.key]);
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='?start=']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  // An episode is looked at in its samples.
  if (!link.dataset.step && isOutline()) {
    choice.selectedIndex = 0;
    take();
  }
  show(Number(new URLSearchParams(link.getAttribute("href")).get("start")));
  if (!link.dataset.step) paper.scrollIntoView({ block: "center" });
});

/** Take over the window that is chosen. */
function take() {
  seconds = Number(choice.value);
  paper.dataset.seconds = choice.value;
}

choice.addEventListener("change", () => {
  const middle = start + seconds / 2;
  take();
  show(middle - seconds / 2);
});

// From the outline to the samples: the shortest window around the place.
canvas.addEventListener("click", (event) => {
  if (!outline) return;
  const at = secondsAt(outline, event.offsetX, canvas.clientWidth);
  choice.selectedIndex = 0;
  take();
  show(at - seconds / 2);
});

// An outline is as wide as there is room; ECG paper is not.
let room = paper.parentElement.clientWidth;
window.addEventListener("resize", () => {
  if (outline && paper.parentElement.clientWidth !== room) draw(outline);
  room = paper.parentElement.clientWidth;
});

// Sent once, however often somebody clicks.
for (const form of document.querySelectorAll(".corrections form")) {
  form.addEventListener("submit", () => {
    form.querySelector("button").disabled = true;
  });
}

position.addEventListener("input", () => show(Number(position.value)));
show(start);
