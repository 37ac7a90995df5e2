"""The step loop: one optimizer step is one engine call."""

from __future__ import annotations

import time
from dataclasses import dataclass

from wudao_rt import _core
from wudao_rt.datasets import Rows
from wudao_rt.errors import Error
from wudao_rt.evaluation import held_out_loss
from wudao_rt.training import checkpoint
from wudao_rt.training.clock import Stopwatch
from wudao_rt.training.cost import Report, peak_memory_bytes, step_flops
from wudao_rt.training.events import Listeners
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import RunLog, StepInfo
from wudao_rt.training.prefetch import Prefetch
from wudao_rt.training.rates import Rates
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
        log: of the run.
        listeners: are told about steps, checkpoints, samples and evaluations.
        limits: what else ends it.
        roof: of the matrix product, operations per second.
    """

    def __init__(self, session: Session, log: RunLog, listeners: Listeners, limits: Limits, roof: float) -> None:
        self._session, self._log, self._listeners = session, log, listeners
        self._limits, self._roof = limits, roof
        self._train = session.config.train
        self._rates = Rates(self._train)
        self._clock = Stopwatch(log.seconds)
        self._saved_at = session.resumed_at
        self._sampled = time.perf_counter()
        self._flops = 0.0
        self._last = StepInfo(session.step, float("nan"), 0.0, 0.0, session.tokens, 0.0, 0.0, log.seconds)
        self._held_out: tuple[int, float | None] = (-1, None)

    def run(self, interrupt: Interrupt) -> Report:
        """Step until the run is over, interrupted or out of time; evaluate, save, and report."""
        begin = self._clock.seconds()
        tokens = self._session.tokens
        batches = Prefetch(self._batch, self._session.step)
        try:
            while not (reason := self._stop_reason(interrupt, begin)):
                self._step(batches.get(self._session.step))
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
        return self._session.source.batch(step, self._rates.done(step, self._clock.seconds()))

    def _stop_reason(self, interrupt: Interrupt, begin: float) -> str:
        seconds = self._clock.seconds()
        if self._rates.over(self._session.step, seconds):
            return "done"
        if interrupt.reason:
            return interrupt.reason
        over = self._limits.max_seconds and seconds - begin >= self._limits.max_seconds
        return f"--max-seconds {self._limits.max_seconds:g}" if over else ""

    def _step(self, rows: Rows) -> None:
        session, train = self._session, self._train
        share = self._rates.share(session.step + 1, self._clock.seconds())
        begin = self._last.seconds
        result = session.trainer.step(
            dict(rows.arrays), lr=train.lr * share, muon_lr=train.muon_lr * share, clip=train.clip, shards=train.shards,
            micro_shards=train.micro_shards, recompute=train.recompute, int8=train.products == "int8",
            dropout=session.model.config.dropout > 0, seed=train.seed, step=session.step)
        session.step += 1
        session.tokens += rows.tokens
        self._told(rows, result, train.lr * share, self._clock.seconds(), begin)

    def _told(self, rows: Rows, result: dict, lr: float, now: float, begin: float) -> None:
        flops, took = step_flops(self._session.model.config, rows.tokens, rows.pairs), max(now - begin, 1e-9)
        self._flops += flops
        self._last = StepInfo(
            self._session.step, result["loss"], result["grad_norm"], lr, self._session.tokens, rows.tokens / took,
            flops / took / self._roof if self._roof else 0.0, now, result["skipped"], result["reason"])
        self._log.step(self._last)
        self._listeners.tell("on_step", self._last)

    def _between_steps(self) -> None:
        step, train = self._session.step, self._train
        if train.checkpoint_every and step % train.checkpoint_every == 0:
            self._save()
        if train.eval_every and step % train.eval_every == 0:
            self._evaluate()
        by_clock = self._limits.watch and time.perf_counter() - self._sampled >= self._limits.watch
        if by_clock or (train.sample_every and step % train.sample_every == 0):
            self._sample()

    def _save(self) -> None:
        self._log.flush()
        if self._session.step > self._saved_at:
            keep = self._session.config.output.keep_last
            path = checkpoint.save(self._session.folder, self._session.snapshot(), keep)
            self._saved_at = self._session.step
            self._listeners.tell("on_checkpoint", path)

    def _evaluate(self) -> None:
        if self._held_out[0] == self._session.step:
            return
        with self._clock.paused():
            found = held_out_loss(self._session.model, self._session.source.held_out(), self._train.eval_batches)
        self._held_out = (self._session.step, found.nats_per_token if found.tokens else None)
        if found.tokens:
            self._log.evaluation(self._session.step, found.to_json())
            self._listeners.tell("on_evaluation", self._session.step, found.to_json())

    def _sample(self) -> None:
        with self._clock.paused():
            try:
                texts = draw_samples(self._session)
            except Error as error:  # of weights that have diverged; the run itself goes on
                self._listeners.tell("on_trouble", f"no sample at step {self._session.step}: {error}")
            else:
                self._log.samples(self._session.step, texts)
                self._listeners.tell("on_sample", texts)
        self._sampled = time.perf_counter()

    def _report(self, reason: str, seconds: float, tokens: int) -> Report:
        threads = _core.kernels()["threads"]
        rate = tokens / seconds if seconds > 0 else 0.0
        peak = self._flops / seconds / self._roof if seconds > 0 and self._roof else 0.0
        return Report(
            steps=self._session.step, tokens=self._session.tokens, loss=self._last.loss, held_out=self._held_out[1],
            seconds=seconds, tokens_per_second=rate, share_of_peak=peak,
            core_hours_per_million_tokens=threads * seconds / 3600 / (tokens / 1e6) if tokens else 0.0,
            peak_memory_bytes=peak_memory_bytes(), threads=threads, finished=reason == "done",
            reason="" if reason == "done" else reason, folder=str(self._session.folder))
