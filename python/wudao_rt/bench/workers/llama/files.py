"""GPT-2 files for llama.cpp, of the weights that every engine gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np

_LAYER = {"input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
          "post_attention_layernorm": "ffn_norm", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"}
_WHOLE = {"word_embeddings": "token_embd", "transformer.position_embeddings": "position_embd",
          "transformer.final_layernorm": "output_norm"}
_QUANTIZED = {"Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
              "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M}


def file(kind: str, spec: dict[str, Any], folder: Path) -> Path:
    """Return the file of a kind, written if it is not there: f32, bf16, or one that llama.cpp quantises from f32."""
    path = folder / f"{kind}.gguf"
    if path.is_file():
        return path
    if kind not in _QUANTIZED:
        return _write(kind, spec["config"], folder, path)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = _QUANTIZED[kind]
    source = file("f32", spec, folder)
    if llama_cpp.llama_model_quantize(str(source).encode(), str(path).encode(), params):
        raise RuntimeError(f"llama.cpp could not quantise to {kind}")
    return path


def _write(kind: str, config: dict[str, Any], folder: Path, path: Path) -> Path:
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_block_count(config["num_layers"])
    writer.add_context_length(config["max_positions"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(4 * config["hidden_size"])
    writer.add_head_count(config["num_heads"])
    writer.add_layer_norm_eps(1e-5)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    with np.load(folder / "weights.npz") as weights:
        for name in weights:
            _add(writer, _name(name), weights[name], kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, name: str, array: np.ndarray, kind: str) -> None:
    """Matrices in the file's type; vectors and positions stay float32, as llama.cpp's converter has them."""
    if kind == "bf16" and array.ndim == 2 and not name.startswith("position"):
        rounded = gguf.quants.quantize(array, gguf.GGMLQuantizationType.BF16)
        writer.add_tensor(name, rounded, raw_dtype=gguf.GGMLQuantizationType.BF16)
    else:
        writer.add_tensor(name, array)


def _name(name: str) -> str:
    stem, last = name.rsplit(".", 1)
    if stem in _WHOLE:
        return f"{_WHOLE[stem]}.{last}"
    number, part = stem.removeprefix("transformer.layers.").split(".", 1)
    return f"blk.{number}.{_LAYER[part]}.{last}"
