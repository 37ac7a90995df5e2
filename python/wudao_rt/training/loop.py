"""The step loop: one optimizer step is one engine call."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from wudao_rt import _core
from wudao_rt.datasets import Rows
from wudao_rt.errors import Error
from wudao_rt.evaluation import held_out_loss
from wudao_rt.training import checkpoint
from wudao_rt.training.agreed import DEPTH, STOPS, Agreed
from wudao_rt.training.agreement import agreed_weights
from wudao_rt.training.balance import BYTES, PHASES, Balance, Traffic
from wudao_rt.training.clock import Stopwatch
from wudao_rt.training.cost import Report, peak_memory_bytes, step_flops
from wudao_rt.training.events import Listeners
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import NoLog, RunLog, StepInfo
from wudao_rt.training.prefetch import Prefetch
from wudao_rt.training.rates import Rates
from wudao_rt.training.recording import Recording
from wudao_rt.training.samples import draw_samples
from wudao_rt.training.session import Session


@dataclass(frozen=True)
class Limits:
    """What ends or interrupts a run beside its length.

    Args:
        max_seconds: wall time of this process's steps after which to save and stop; 0: none.
        watch: seconds between samples from the live weights; 0: none.
    """

    max_seconds: float = 0.0
    watch: float = 0.0


class StepLoop:
    """Drive a session to its end.

    Args:
        session: what to train.
        log: of the run; one that writes nothing on ranks that are not the first.
        listeners: are told about steps, checkpoints, samples and evaluations.
        limits: what else ends it.
        roof: of the matrix product, operations per second, all ranks together.
    """

    def __init__(
        self, session: Session, log: RunLog | NoLog, listeners: Listeners, limits: Limits, roof: float
    ) -> None:
        self._session, self._log, self._listeners = session, log, listeners
        self._limits, self._roof = limits, roof
        self._train = session.config.train
        self._rates = Rates(self._train)
        self._ranks = session.ranks
        self._clock = Stopwatch(log.seconds)
        self._agreed = Agreed(log.seconds)
        self._traffic = Traffic(*self._ranks.channels)
        self._saved_at = session.resumed_at
        self._sampled = time.perf_counter()
        self._flops = 0.0
        self._last = StepInfo(session.step, float("nan"), 0.0, 0.0, session.tokens, 0.0, 0.0, log.seconds)
        self._held_out: tuple[int, float | None] = (-1, None)

    def run(self, interrupt: Interrupt) -> Report:
        """Step until the run is over, interrupted or out of time; evaluate, save, and report."""
        begin = self._clock.seconds()
        tokens = self._session.tokens
        batches = Prefetch(self._batch, self._session.step, DEPTH)
        self._agree(interrupt, begin, [0.0] * len((*BYTES, *PHASES)))
        try:
            while not (reason := self._stop_reason()):
                waits = time.perf_counter()
                rows = batches.get(self._session.step)
                waited = time.perf_counter() - waits
                result = self._step(rows)
                layers = self._session.model.core.telemetry
                spent = self._traffic.spent(layers, result, waited, self._ranks.size)
                self._agree(interrupt, begin, spent)
                self._told(result, layers)
                self._between_steps()
        finally:
            batches.close()
        seconds = self._clock.seconds() - begin
        self._save()
        if reason == "done":
            self._evaluate()
        self._log.flush()
        return self._report(reason, seconds, self._session.tokens - tokens)

    def _batch(self, step: int) -> Rows:
        return self._session.source.batch(step, self._rates.done(step, self._agreed.before(step)))

    def _agree(self, interrupt: Interrupt, begin: float, spent: list[float]) -> None:
        """Tell the other ranks what this one sees, and go by what the first, or any of them, saw."""
        seconds = self._clock.seconds()
        over = self._limits.max_seconds and seconds - begin >= self._limits.max_seconds
        watch = self._limits.watch and time.perf_counter() - self._sampled >= self._limits.watch
        stop = STOPS.index(interrupt.reason) if interrupt.reason in STOPS else 0
        told = self._ranks.numbers(seconds, float(bool(over)), float(bool(watch)), float(stop), *spent)
        self._agreed.take(self._session.step, told)

    def _stop_reason(self) -> str:
        if self._rates.over(self._session.step, self._agreed.seconds):
            return "done"
        if self._agreed.stop:
            return self._agreed.stop
        return f"--max-seconds {self._limits.max_seconds:g}" if self._agreed.over else ""

    def _step(self, rows: Rows) -> dict[str, Any]:
        session = self._session
        share = self._rates.share(session.step + 1, self._agreed.seconds)
        recording = self._recording_of(session.step)
        result = session.advance(rows, share, recording and recording.recorder)
        if recording:
            self._log.recorded(recording.finish())
        return result | {"rows": rows, "lr": self._train.lr * share}

    def _recording_of(self, step: int) -> Recording | None:
        """Return what takes down the step after `step` steps, where it is to be recorded."""
        every = self._train.record
        if not every or (step % every and step != self._saved_at):
            return None
        return Recording(self._session, self._rates.done(step, self._agreed.before(step)))

    def _told(self, result: dict[str, Any], layers: list[dict[str, Any]]) -> None:
        rows, now = result["rows"], self._agreed.seconds
        took = max(now - self._last.seconds, 1e-9)
        flops = step_flops(self._session.model.config, rows.tokens, rows.pairs)
        self._flops += flops
        balance = Balance.of(layers, self._agreed.spent) if layers or self._ranks.size > 1 else None
        self._last = StepInfo(
            self._session.step, result["loss"], result["grad_norm"], result["lr"], self._session.tokens,
            rows.tokens / took, flops / took / self._roof if self._roof else 0.0, now, result["skipped"],
            result["reason"], result["loss_scale"] if self._train.dtype == "float16" else None, balance)
        self._log.step(self._last)
        self._listeners.tell("on_step", self._last)

    def _between_steps(self) -> None:
        step, train = self._session.step, self._train
        if train.checkpoint_every and step % train.checkpoint_every == 0:
            self._save()
        if train.eval_every and step % train.eval_every == 0:
            self._evaluate()
        if self._agreed.watch or (train.sample_every and step % train.sample_every == 0):
            self._sample()

    def _save(self) -> None:
        self._log.flush()
        if self._session.step > self._saved_at:
            if self._train.record:
                agreed_weights(self._session)
            keep = self._session.config.output.keep_last
            path = checkpoint.save(self._session.folder, self._session.snapshot(), keep, self._ranks)
            self._saved_at = self._session.step
            self._listeners.tell("on_checkpoint", path)

    def _evaluate(self) -> None:
        if self._held_out[0] == self._session.step:
            return
        with self._clock.paused():
            found = held_out_loss(self._session.trainer, self._session.source.held_out(), self._train.eval_batches)
        self._held_out = (self._session.step, found.nats_per_token if found.tokens else None)
        if found.tokens:
            self._log.evaluation(self._session.step, found.to_json())
            self._listeners.tell("on_evaluation", self._session.step, found.to_json())

    def _sample(self) -> None:
        with self._clock.paused():
            try:  # every rank draws the same: they may share the experts
                texts = draw_samples(self._session)
            except Error as error:  # of weights that have diverged; the run itself goes on
                self._listeners.tell("on_trouble", f"no sample at step {self._session.step}: {error}")
            else:
                self._log.samples(self._session.step, texts)
                self._listeners.tell("on_sample", texts)
        self._sampled = time.perf_counter()

    def _report(self, reason: str, seconds: float, tokens: int) -> Report:
        threads = round(self._ranks.numbers(_core.kernels()["threads"]).sum())
        rate = tokens / seconds if seconds > 0 else 0.0
        peak = self._flops / seconds / self._roof if seconds > 0 and self._roof else 0.0
        return Report(
            steps=self._session.step, tokens=self._session.tokens, loss=self._last.loss, held_out=self._held_out[1],
            seconds=seconds, tokens_per_second=rate, share_of_peak=peak,
            core_hours_per_million_tokens=threads * seconds / 3600 / (tokens / 1e6) if tokens else 0.0,
            peak_memory_bytes=peak_memory_bytes(), threads=threads, finished=reason == "done",
            reason="" if reason == "done" else reason, folder=str(self._session.folder))
