"""The step loop of a tokenizer's run: one optimizer step is one engine call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from wudao_rt.image.measures import Reconstruction, reconstruction
from wudao_rt.image.session import TokenizerSession
from wudao_rt.training import checkpoint
from wudao_rt.training.agreed import STOPS, Agreed
from wudao_rt.training.agreement import require_agreement
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import EVALUATIONS, LOG
from wudao_rt.training.prefetch import Prefetch

_DEPTH = 2  # batches that are made ahead


@dataclass(frozen=True)
class TokenizerReport:
    """Hold what came of a run.

    Args:
        steps: done since its beginning.
        seconds: of this call, without preparing pictures.
        pictures_per_second: of this call, evaluation included.
        held_out: of pictures that were not learned from.
        finished: whether the run has its full length.
        reason: why it stopped before.
        folder: of the run.
    """

    steps: int
    seconds: float
    pictures_per_second: float
    held_out: Reconstruction
    finished: bool
    reason: str
    folder: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def lines(self) -> str:
        """Return them for a person."""
        stopped = "" if self.finished else (f"\nstopped by {self.reason}; go on with wudao-rt image train-tokenizer "
                                            f"{self.folder} --resume")
        return (f"{self.steps} steps, {self.pictures_per_second:.0f} pictures/s, {self.held_out.line()}\n"
                f"run folder: {self.folder}{stopped}")


class TokenizerLoop:
    """Drive a session to its end.

    Args:
        session: what to train; each of its ranks has a loop of its own, and all take the same turns.
        say: is given lines for people; one that is silent on ranks that are not the first.
        max_seconds: after which all ranks save and stop; 0: never.
    """

    def __init__(self, session: TokenizerSession, say: Callable[[str], None], max_seconds: float) -> None:
        self._session, self._say, self._max_seconds = session, say, max_seconds
        self._train, self._ranks = session.config.train, session.ranks
        self._first = self._saved = session.step
        self._begin = time.perf_counter()
        self._agreed = Agreed(0.0)
        self._seen: tuple[int, Reconstruction | None] = (-1, None)

    def run(self, interrupt: Interrupt) -> TokenizerReport:
        """Step until the run is over, interrupted or out of time; save, look at the held-out pictures, and report."""
        session, train = self._session, self._train
        if self._ranks.first:
            _cut(session.folder, session.step)
        reason = ""
        batches = Prefetch(session.batch, session.step, _DEPTH)
        try:
            while session.step < train.steps and not reason:
                self._tell(session.advance(batches.get(session.step)))
                if train.checkpoint_every and session.step % train.checkpoint_every == 0:
                    self._save()
                if train.eval_every and session.step % train.eval_every == 0:
                    self._look()
                reason = self._agree(interrupt)
        finally:
            batches.close()
        self._save()
        return self._report(reason, self._look())

    def _agree(self, interrupt: Interrupt) -> str:
        """Return why all ranks stop here, as any of them has to; empty: they go on."""
        seconds = time.perf_counter() - self._begin
        over = self._max_seconds > 0 and seconds >= self._max_seconds
        stop = STOPS.index(interrupt.reason) if interrupt.reason in STOPS else 0
        self._agreed.take(self._session.step, self._ranks.numbers(seconds, float(over), 0.0, float(stop)))
        return self._agreed.stop or (f"--max-seconds {self._max_seconds:g}" if self._agreed.over else "")

    def _tell(self, told: dict[str, Any]) -> None:
        """Write a step to the log, and now and then to the screen."""
        session, seconds = self._session, time.perf_counter() - self._begin
        rate = (session.step - self._first) * self._train.batch / seconds
        self._log(LOG, {"step": session.step, **told, "pictures_per_second": rate, "seconds": seconds})
        if session.step % session.config.output.log_every == 0 or session.step == 1 or told["skipped"]:
            penalty, _ = session.config.vq.penalty
            self._say(
                f"step {session.step} | pixels {told['pixels']:.5f} | {penalty} {told[penalty]:.4f} | grad_norm "
                f"{told['grad_norm']:.4f} | lr {told['lr']:.3e} | code_use {told['code_use']:.3f} | revived "
                f"{told['revived']} | pictures_per_second {rate:.0f} | skipped {int(told['skipped'])}")

    def _save(self) -> None:
        session = self._session
        if session.step == self._saved:
            return
        snapshot = session.snapshot()
        if self._ranks.size > 1:
            arrays = {**snapshot.weights, **snapshot.optimizer}
            hashes = {name: sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
            require_agreement(hashes, self._ranks, session.step, session.folder)
        path = checkpoint.save(session.folder, snapshot, session.config.output.keep_last, self._ranks)
        self._saved = session.step
        self._say(f"checkpoint {path}")

    def _look(self) -> Reconstruction:
        session, (step, found) = self._session, self._seen
        if found is None or step != session.step:
            found = reconstruction(session.tokenizer, session.held_out(), self._ranks)
            self._seen = (session.step, found)
            self._log(EVALUATIONS, {"step": session.step, **found.to_json()})
            self._say(f"held-out at step {session.step}: {found.line()}")
        return found

    def _log(self, name: str, record: dict[str, Any]) -> None:
        if self._ranks.first:
            with (self._session.folder / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def _report(self, reason: str, held_out: Reconstruction) -> TokenizerReport:
        session, seconds = self._session, time.perf_counter() - self._begin
        finished = session.step >= self._train.steps
        pictures = (session.step - self._first) * self._train.batch
        return TokenizerReport(session.step, seconds, pictures / seconds, held_out, finished,
                               "" if finished else reason, str(session.folder))


def _cut(folder: Path, step: int) -> None:
    """Drop what the logs say of steps that are going to be done again."""
    for name in (LOG, EVALUATIONS):
        path = folder / name
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        path.write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= step), encoding="utf-8")
