// Draws one window of a recording on ECG paper: 25 mm/s, 10 mm/mV.

const PX_PER_MM = 96 / 25.4;
const MM_PER_S = 25;
const MM_PER_MV = 10;
const MARGIN_MM = 10;
const LABELS_MM = 18;
const MIN_LEAD_MM = 25;
const MAX_LEAD_MM = 60;
const LABEL_ROWS = 3;

/** Lay the leads out: how high each is and where its zero line lies, in mm. */
export function layOut(leads) {
  let top = LABELS_MM;
  return leads.map((lead) => {
    const known = lead.mv.filter((value) => value !== null);
    const sorted = known.toSorted((a, b) => a - b);
    const middle = sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
    const high = sorted.length ? sorted.at(-1) - middle : 0.5;
    const low = sorted.length ? middle - sorted[0] : 0.5;
    const wanted = Math.ceil((MM_PER_MV * (high + low) + 6) / 5) * 5;
    const height = Math.min(Math.max(wanted, MIN_LEAD_MM), MAX_LEAD_MM);
    const share = (high + 0.3) / (high + low + 0.6);
    const row = { name: lead.name, mv: lead.mv, middle, top, height, zero: top + height * share };
    top += height;
    return row;
  });
}

/** Choose a row for each label so that none covers another; null: no room. */
export function placeLabels(labels, rows = LABEL_ROWS) {
  const ends = new Array(rows).fill(-Infinity);
  return labels.map(({ x, width }) => {
    const row = ends.findIndex((end) => end <= x - width / 2);
    if (row < 0) return null;
    ends[row] = x + width / 2 + 4;
    return row;
  });
}

export function drawWindow(canvas, view, words) {
  const seconds = Number(canvas.parentElement.dataset.seconds);
  const rows = layOut(view.leads);
  const width = MARGIN_MM + seconds * MM_PER_S;
  const height = (rows.length ? rows.at(-1).top + rows.at(-1).height : LABELS_MM) + 6;
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.style.width = `${width}mm`;
  canvas.style.height = `${height}mm`;
  canvas.width = Math.round(width * PX_PER_MM * ratio);
  canvas.height = Math.round(height * PX_PER_MM * ratio);
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const pen = canvas.getContext("2d");
  pen.scale(ratio * PX_PER_MM, ratio * PX_PER_MM);
  pen.fillStyle = colour("--ecg-paper");
  pen.fillRect(0, 0, width, height);
  drawGrid(pen, width, height, colour);
  const xOf = (at) => MARGIN_MM + (at - view.start_s) * MM_PER_S;
  const ink = colour("--ecg-ink");
  for (const row of rows) {
    drawHoles(pen, row, view, xOf, words, ink);
    drawTrace(pen, row, view.fs, ink);
    drawCalibration(pen, row, ink);
  }
  drawBeats(pen, view.beats, xOf, ink);
  drawEnd(pen, view, xOf, width, height, words, ink);
}

function drawGrid(pen, width, height, colour) {
  for (const [step, name, line] of [[1, "--ecg-grid-minor", 0.1], [5, "--ecg-grid-major", 0.2]]) {
    pen.strokeStyle = colour(name);
    pen.lineWidth = line;
    pen.beginPath();
    for (let x = 0; x <= width; x += step) {
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
    }
    for (let y = 0; y <= height; y += step) {
      pen.moveTo(0, y);
      pen.lineTo(width, y);
    }
    pen.stroke();
  }
}

function drawTrace(pen, row, fs, ink) {
  pen.save();
  pen.beginPath();
  pen.rect(0, row.top, 1e4, row.height);
  pen.clip();
  pen.strokeStyle = ink;
  pen.lineWidth = 0.3;
  pen.lineJoin = "round";
  pen.beginPath();
  let drawing = false;
  row.mv.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = MARGIN_MM + (index / fs) * MM_PER_S;
    const y = row.zero - (value - row.middle) * MM_PER_MV;
    if (drawing) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    drawing = true;
  });
  pen.stroke();
  pen.restore();
}

/** Hatch what was never recorded, and say so. */
function drawHoles(pen, row, view, xOf, words, ink) {
  let start = null;
  for (let index = 0; index <= row.mv.length; index += 1) {
    const missing = index < row.mv.length && row.mv[index] === null;
    if (missing && start === null) start = index;
    if (!missing && start !== null) {
      const from = xOf(view.start_s + start / view.fs);
      const to = xOf(view.start_s + index / view.fs);
      hatch(pen, from, row.top, to - from, row.height, ink);
      const at = view.start_s + start / view.fs;
      const isDamaged = view.damaged.some((span) => span.start_s <= at && at < span.end_s);
      const why = isDamaged ? words.damaged : words.noSignal;
      text(pen, why, from + 1, row.top + 4, 3, ink);
      start = null;
    }
  }
}

export function hatch(pen, x, y, width, height, ink, every = 3, line = 0.3) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.globalAlpha = 0.25;
  pen.strokeStyle = ink;
  pen.lineWidth = line;
  pen.beginPath();
  for (let at = -height; at < width; at += every) {
    pen.moveTo(x + at, y + height);
    pen.lineTo(x + at + height, y);
  }
  pen.stroke();
  pen.restore();
}

function drawCalibration(pen, row, ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 0.3;
  pen.beginPath();
  const y = Math.min(Math.max(row.zero, row.top + MM_PER_MV + 1), row.top + row.height - 5);
  pen.moveTo(1, y);
  pen.lineTo(2, y);
  pen.lineTo(2, y - MM_PER_MV);
  pen.lineTo(7, y - MM_PER_MV);
  pen.lineTo(7, y);
  pen.lineTo(8, y);
  pen.stroke();
  text(pen, row.name, 1, row.top + row.height - 0.5, 3, ink, "bold");
}

function drawBeats(pen, beats, xOf, ink) {
  const labels = beats.map((beat) => {
    const words = `${beat.word} ${Math.round(100 * beat.probability)} %`;
    pen.font = fontOf(2.6, beat.symbol === "N" ? "normal" : "bold");
    return { beat, words, x: xOf(beat.at_s), width: pen.measureText(words).width };
  });
  placeLabels(labels).forEach((row, index) => {
    const { beat, words, x, width } = labels[index];
    const ectopic = beat.symbol !== "N";
    pen.strokeStyle = ink;
    pen.lineWidth = ectopic ? 0.4 : 0.15;
    pen.beginPath();
    pen.moveTo(x, LABELS_MM - 2);
    pen.lineTo(x, LABELS_MM);
    pen.stroke();
    const shown = row === null ? beat.symbol : words;
    const y = row === null ? LABELS_MM - 2.6 : 3.5 + (LABEL_ROWS - 1 - row) * 4;
    if (ectopic && row !== null) {
      pen.strokeRect(x - width / 2 - 0.5, y - 2.7, width + 1, 3.6);
    }
    text(pen, shown, x, y, 2.6, ink, ectopic ? "bold" : "normal", "center");
  });
}

/** Show where the recording ends, and what is not analysed yet. */
function drawEnd(pen, view, xOf, width, height, words, ink) {
  if (view.end_s >= view.duration_s && xOf(view.end_s) < width) {
    const x = xOf(view.end_s);
    hatch(pen, x, 0, width - x, height, ink);
  }
  if (view.analysed_s < view.end_s) {
    const x = Math.max(xOf(view.analysed_s), MARGIN_MM);
    hatch(pen, x, 0, xOf(view.end_s) - x, LABELS_MM - 2, ink);
    text(pen, words.notYet, x + 1, 4, 3, ink, "bold");
  }
}

function fontOf(size, weight) {
  return `${weight} ${size}px system-ui, sans-serif`;
}

export function text(pen, words, x, y, size, ink, weight = "normal", align = "left") {
  pen.font = fontOf(size, weight);
  pen.fillStyle = ink;
  pen.textAlign = align;
  pen.fillText(words, x, y);
}
