"""One step, said three times: a line on the screen, a JSON line, TensorBoard events."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from wudao_rt.files import write_whole
from wudao_rt.training.balance import Balance

if TYPE_CHECKING:
    from wudao_rt.training.record import Record
    from wudao_rt.training.tensorboard import Events

LOG, EVALUATIONS, BALANCE, EVENTS = "log.jsonl", "eval.jsonl", "balance.jsonl", "tensorboard"
RECORD = "record.jsonl"
_MANY_EXPERTS, _EVERY = 4096, 50


@dataclass(frozen=True)
class StepInfo:
    """What is known after a step.

    Args:
        step: steps done.
        loss: mean over the counted slots of the batch, nats.
        grad_norm: global norm before clipping.
        lr: learning rate of AdamW.
        tokens: tokens seen since the run's first step, padding left out.
        tokens_per_second: of this step.
        share_of_peak: useful arithmetic of this step over the measured product roof.
        seconds: training time since the run's first step, evaluation and sampling left out.
        skipped: whether the step changed nothing, because of a value that is not finite.
        reason: why it was skipped.
        loss_scale: what its gradients were multiplied by; float16 only.
        balance: of the experts; None for a dense model on one rank.
    """

    step: int
    loss: float
    grad_norm: float
    lr: float
    tokens: int
    tokens_per_second: float
    share_of_peak: float
    seconds: float
    skipped: bool = False
    reason: str = ""
    loss_scale: float | None = None
    balance: Balance | None = None

    def line(self) -> str:
        """Return the step line."""
        return (f"step {self.step} | loss {self.loss:.4f} | grad_norm {self.grad_norm:.4f} | lr {self.lr:.3e} | "
                f"tokens {self.tokens} | tokens_per_second {self.tokens_per_second:.0f} | "
                f"share_of_peak {self.share_of_peak:.3f} | seconds {self.seconds:.2f} | skipped {int(self.skipped)}"
                f"{f' | loss_scale {self.loss_scale:.0f}' if self.loss_scale else ''}"
                f"{self.balance.line() if self.balance else ''}")

    def record(self) -> dict[str, Any]:
        """Return the fields of the JSON line; values that JSON does not know become null."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        reason, balance = fields.pop("reason"), fields.pop("balance")
        fields |= balance.record() if balance else {}
        if self.loss_scale is None:
            fields.pop("loss_scale")
        finite = {name: None if isinstance(v, float) and not abs(v) < float("inf") else v for name, v in fields.items()}
        return finite | ({"reason": reason} if reason else {})


class RunLog:
    """Write the .jsonl files and TensorBoard events of a run; a resumed run drops what came after its checkpoint.

    Args:
        run: run folder.
        resumed_at: steps done when this process takes over.
        tensorboard: write events.
    """

    def __init__(self, run: Path, resumed_at: int = 0, tensorboard: bool = True) -> None:
        self.seconds = _cut(run / LOG, resumed_at).get("seconds", 0.0)
        self._evaluated_at = _cut(run / EVALUATIONS, resumed_at).get("step")
        self._log = (run / LOG).open("a", encoding="utf-8")
        self._evaluations = (run / EVALUATIONS).open("a", encoding="utf-8")
        self._balance_path, self._resumed_at = run / BALANCE, resumed_at
        self._balance: TextIO | None = None
        self._record_path = run / RECORD
        if self._record_path.is_file():
            _cut(self._record_path, resumed_at)
        self._events = _events(run / EVENTS, resumed_at) if tensorboard else None

    def step(self, info: StepInfo) -> None:
        """Write a step."""
        record = info.record()
        self._log.write(json.dumps(record) + "\n")
        self._scalars("train", info.step, {k: v for k, v in record.items() if k not in ("step", "reason")})
        if info.balance and info.balance.counts:
            self._experts(info.step, info.balance)

    def _experts(self, step: int, balance: Balance) -> None:
        """Write how many rows every expert got; of very many experts now and then."""
        if sum(map(len, balance.counts)) > _MANY_EXPERTS and step % _EVERY != 1:
            return
        if self._balance is None:
            _cut(self._balance_path, self._resumed_at)
            self._balance = self._balance_path.open("a", encoding="utf-8")
        self._balance.write(json.dumps({"step": step, "counts": balance.counts, "dropped": balance.dropped_by_expert},
                                       separators=(",", ":")) + "\n")

    def recorded(self, record: Record | None) -> None:
        """Write a step that was recorded, at once: it is wanted most when a machine fails."""
        if record is not None:
            with self._record_path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.to_json(), separators=(",", ":")) + "\n")

    def evaluation(self, step: int, record: dict[str, Any]) -> None:
        """Write a held-out evaluation; one of a step that is there already is the same, and is not written again."""
        if step == self._evaluated_at:
            return
        self._evaluated_at = step
        self._evaluations.write(json.dumps({"step": step, **record}, ensure_ascii=False) + "\n")
        self._scalars("held_out", step, {k: v for k, v in record.items() if isinstance(v, (int, float))})

    def samples(self, step: int, texts: list[str]) -> None:
        """Write samples to TensorBoard."""
        if self._events:
            self._events.text("samples", "\n\n".join(texts), step)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._log.flush()
        self._evaluations.flush()
        if self._balance:
            self._balance.flush()
        if self._events:
            self._events.flush()

    def close(self) -> None:
        """Close the files. What a full disk does not take is lost; `flush` says so, this does not."""
        for file in (self._log, self._evaluations, self._balance, self._events):
            with suppress(OSError):
                if file:
                    file.close()

    def _scalars(self, group: str, step: int, values: dict[str, Any]) -> None:
        if self._events:
            for name, value in values.items():
                if value is not None and isfinite(value):
                    self._events.scalar(f"{group}/{name}", float(value), step)


class NoLog:
    """Take what a RunLog takes and write nothing: of a rank that is not the first.

    Args:
        seconds: of the run so far, as the first rank's log has it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def step(self, info: StepInfo) -> None:
        """Write nothing."""

    def recorded(self, record: Record | None) -> None:
        """Write nothing."""

    def evaluation(self, step: int, record: dict[str, Any]) -> None:
        """Write nothing."""

    def samples(self, step: int, texts: list[str]) -> None:
        """Write nothing."""

    def flush(self) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close nothing."""


def _events(folder: Path, resumed_at: int) -> Events:
    from wudao_rt.training.tensorboard import Events  # takes a third of a second to import

    return Events(folder, resumed_at)


def _cut(path: Path, step: int) -> dict[str, Any]:
    """Keep the records up to a step and return the last of them; a line that a crash cut short goes too."""
    kept: list[str] = []
    last: dict[str, Any] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record["step"] <= step:
            kept.append(line)
            last = record
    write_whole(path, "".join(line + "\n" for line in kept))
    return last
