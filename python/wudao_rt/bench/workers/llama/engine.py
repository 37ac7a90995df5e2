"""llama.cpp by its C functions: no Python object for each logit."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llama_cpp
import numpy as np


class Engine:
    """A model with a context of some sequences."""

    def __init__(self, path: Path, threads: int, flash: bool, length: int, sequences: int = 1,
                 cache: str = "f16") -> None:
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"llama.cpp could not load {path.name}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_seq_max = length * sequences, sequences
        params.n_batch = params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = (llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash
                                  else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED)
        params.type_k = params.type_v = getattr(llama_cpp, f"GGML_TYPE_{cache.upper()}")
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        if not self.context:
            raise RuntimeError("llama.cpp could not make a context")
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(params.n_batch, 0, 1)
        fields = ("token", "pos", "n_seq_id", "logits")
        self.rows = {name: np.ctypeslib.as_array(getattr(self.batch, name), (params.n_batch,)) for name in fields}
        self.laid_out: tuple[int, int, int] = (0, 0, 0)

    def feed(self, ids: np.ndarray, start: int, first: int = 0) -> np.ndarray:
        """Append (sequences, tokens) ids to the sequences from `first` on; return the logits of their last tokens."""
        rows, count = ids.shape
        self._lay_out(rows, count, first)
        self.rows["token"][: ids.size] = ids.reshape(-1)
        self.rows["pos"][: ids.size] = np.tile(np.arange(start, start + count), rows)
        if llama_cpp.llama_decode(self.context, self.batch):
            raise RuntimeError("llama_decode failed")
        return np.stack([self._logits(row * count + count - 1) for row in range(rows)])

    def _lay_out(self, rows: int, count: int, first: int) -> None:
        """Say which token belongs to which sequence; the last of each gives logits."""
        if self.laid_out == (rows, count, first):
            return
        size = rows * count
        for n in range(size):
            self.batch.seq_id[n][0] = first + n // count
        self.rows["n_seq_id"][:size] = 1
        self.rows["logits"][:size] = np.arange(size) % count == count - 1
        self.batch.n_tokens, self.laid_out = size, (rows, count, first)

    def _logits(self, row: int) -> np.ndarray:
        pointer = llama_cpp.llama_get_logits_ith(self.context, row)
        return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (self.vocabulary,))

    def keep(self, length: int) -> None:
        """Forget what came after the first `length` tokens of every sequence."""
        llama_cpp.llama_memory_seq_rm(self.memory, -1, length, -1)

    def close(self) -> None:
        """Free the model."""
        llama_cpp.llama_batch_free(self.batch)
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"llama-cpp-python": llama_cpp.__version__,
            "llama.cpp": llama_cpp.llama_print_system_info().decode().strip()}
