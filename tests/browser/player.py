"""Plays synthetic hearts into live streams, as ingest and analysis do."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from devices.ecg_model import Synthetic, synthesise
from devices.live import SignalEntry, append_beats, append_signal, append_state
from inference.ecg.types import CLASSES
from patients.models import Patient

FS = 250
PACKET_S = 0.5
LABEL_DELAY_S = 1.5
GAIN, BASELINE = 200.0, 1024


@dataclass
class Heart:
    """One patient's device and analysis; silent after ``stops_after_s``."""

    patient: Patient
    script: str
    stops_after_s: float = 1e9
    state: dict = field(default_factory=dict)

    def synthetic(self) -> Synthetic:
        return synthesise(self.script, fs=FS, seconds=300, seed=self.patient.pk)


class Player(threading.Thread):
    """Writes the last ``past_s`` at once, then half a second every half second."""

    def __init__(self, hearts: list[Heart], *, past_s: float = 6.0) -> None:
        super().__init__(daemon=True)
        self.hearts = [(heart, heart.synthetic()) for heart in hearts]
        self.started_s = time.time() - past_s
        self.halt = threading.Event()

    def run(self) -> None:
        step = 0
        while not self.halt.is_set():
            due = self.started_s + (step + 1) * PACKET_S
            if self.halt.wait(max(0.0, due - time.time())):
                return
            for heart, signal in self.hearts:
                if step * PACKET_S < heart.stops_after_s:
                    self.packet(heart, signal, step)
                    self.labels(heart, signal, step)
            step += 1

    def stop(self) -> None:
        self.halt.set()
        self.join()

    def at_ms(self, sample: int) -> int:
        return round((self.started_s + sample / FS) * 1000)

    def packet(self, heart: Heart, signal: Synthetic, step: int) -> None:
        n = round(PACKET_S * FS)
        mv = signal.mv[step * n : (step + 1) * n]
        entry = SignalEntry(
            record=heart.patient.pk,
            seq=step,
            first_sample=step * n,
            fs=FS,
            leads=1,
            gain=GAIN,
            baseline=BASELINE,
            at_ms=self.at_ms(step * n),
            received_at_ms=round(time.time() * 1000),
            data=np.round(mv * GAIN + BASELINE).astype("<i2").tobytes(),
        )
        append_signal(live_key=heart.patient.live_key, entries=[entry])

    def labels(self, heart: Heart, signal: Synthetic, step: int) -> None:
        end = round((step * PACKET_S - LABEL_DELAY_S) * FS)
        start = end - round(PACKET_S * FS)
        found = np.flatnonzero((signal.r_peaks >= start) & (signal.r_peaks < end))
        rr_s = (
            np.diff(signal.r_peaks[max(0, found[0] - 4) : found[-1] + 1]) / FS
            if (len(found))
            else np.array([])
        )
        rate = float(60 / rr_s.mean()) if len(rr_s) else float("nan")
        if len(found):
            samples = signal.r_peaks[found]
            names = ["V" if signal.symbols[i] == "V" else "N" for i in found]
            append_beats(
                live_key=heart.patient.live_key,
                record=heart.patient.pk,
                fs=FS,
                samples=samples,
                at_ms=np.array([self.at_ms(int(s)) for s in samples]),
                classes=np.array([CLASSES.index(n) for n in names], dtype=np.uint8),
                probabilities=np.array(
                    [247 if n == "V" else 253 for n in names], dtype=np.uint8
                ),
                heart_rate_bpm=rate,
            )
            state = {"rhythm": "", "alarms": [], "quality": "good"}
            known = {"heart_rate": None if np.isnan(rate) else round(rate, 1)}
            append_state(
                live_key=heart.patient.live_key, state=state | known | heart.state
            )
