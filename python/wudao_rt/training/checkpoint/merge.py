"""Put the files of a checkpoint that several ranks wrote together: the bytes that one process would have written."""

from __future__ import annotations

from pathlib import Path

from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.errors import CheckpointError
from wudao_rt.files import reason
from wudao_rt.image.folder import require_tokenizer
from wudao_rt.model_folder import CONFIG, IMAGE_TOKENIZER, TOKENIZER, resolve
from wudao_rt.training.checkpoint.read import restore, verify
from wudao_rt.training.checkpoint.snapshot import Snapshot
from wudao_rt.training.checkpoint.write import write_alone


def merge(source: Path, target: Path) -> Path:
    """Write a checkpoint of one process.

    Args:
        source: a checkpoint, or a run folder (its last one).
        target: folder to make.

    Returns:
        The target.

    Raises:
        CheckpointError: the source is damaged; the target is there already or cannot be written.
    """
    path = resolve(source)
    state = verify(path)
    restored = restore(path)
    pictures = path / IMAGE_TOKENIZER
    config = (path / CONFIG).read_text(encoding="utf-8")
    snapshot = Snapshot(state["step"], state["updates"], state["tokens"], restored.weights, restored.optimizer, config,
                        Tokenizer.load(path / TOKENIZER) if (path / TOKENIZER).is_dir() else None,
                        require_tokenizer(str(pictures)) if pictures.is_dir() else None, state.get("loss_scale"))
    try:
        target.mkdir(parents=True)
        write_alone(target, snapshot)
    except OSError as error:
        raise CheckpointError(f"merge: {target}: expected a new folder, got: {reason(error)}. Choose another."
                              ) from None
    return target
