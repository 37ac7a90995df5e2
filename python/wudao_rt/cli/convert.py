"""wudao-rt convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wudao_rt.cli.options import FILE, echo_json, json_option
from wudao_rt.errors import ConfigError


@click.command("convert")
@click.argument("source", type=FILE)
@click.argument("target", type=FILE)
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float16", "float64"]), default="float32",
              show_default=True, help="Type of the written weights; of a model folder: its compute type.")
@click.option("--heads", type=click.IntRange(min=0), default=0, metavar="N",
              help="Attention heads of a weights file; 0: hidden size / 64.")
@click.option("--max-positions", type=click.IntRange(min=0), default=0, metavar="N",
              help="Length of the position tables; rows that exist are kept. 0: as they are.")
@click.option("--activation", type=click.Choice(["gelu_tanh", "gelu_erf"]),
              help="Of a weights file.  [default: gelu_tanh]")
@click.option("--quantize", type=click.Choice(["int8", "int4"]),
              help="Keep the linear layers of the blocks in few bits; TARGET is a folder that generates and scores.")
@click.option("--activation-bits", type=click.Choice(["16", "8"]), default="16", show_default=True,
              help="With --quantize: to how many bits the inputs of these layers are rounded.")
@click.option("--text", type=FILE, metavar="F", help="With --quantize: print what this held-out text loses by it.")
@click.option("--tokenizer", type=FILE, metavar="DIR", help="Put this tokenizer into the folder.")
@json_option
def command(source: Path, target: Path, dtype: str, heads: int, max_positions: int, activation: str,
            quantize: str | None, activation_bits: str, text: Path | None, tokenizer: Path | None,
            as_json: bool) -> None:
    """Turn a .safetensors file with GLM's names into a model folder, or a model folder into such a file.

    \b
    Example:
      wudao-rt convert glm.safetensors glm-large/ --heads 16
      wudao-rt convert runs/verse weights.safetensors --dtype bfloat16
      wudao-rt convert runs/verse verse-int8/ --dtype bfloat16 --quantize int8 --text held_out.txt
    """
    from wudao_rt.weights import open_weights, write_folder, write_weights

    if tokenizer and target.suffix == ".safetensors":
        raise ConfigError("convert: --tokenizer: expected with a folder as the target, got a .safetensors file. Name a "
                          "folder.")
    if quantize is None and text is not None:
        raise ConfigError("convert: --text: expected with --quantize, got it alone. Leave it out.")
    if quantize is not None and target.suffix == ".safetensors":
        raise ConfigError("convert: --quantize: expected with a folder as the target, got a .safetensors file. Name a "
                          "folder.")
    model = open_weights(source, heads, activation or "")
    model = model.with_positions(max_positions) if max_positions else model
    losses: dict[str, Any] = {}
    if target.suffix == ".safetensors":
        write_weights(model, target, dtype)
    elif quantize is not None:
        from wudao_rt.cli.quantize import write_quantized

        losses = write_quantized(model, target, dtype, tokenizer, quantize, int(activation_bits), text)
    else:
        write_folder(model, target, dtype, tokenizer)
    report = {"source": str(source), "target": str(target), "dtype": dtype,
              "parameters": model.config.parameter_count} | losses
    if as_json:
        echo_json(report)
    else:
        form = f" and {quantize}" if quantize else ""
        click.echo(f"wrote {target}: {report['parameters']:,} parameters, {dtype}{form}")
    if losses.get("nats_lost") is not None and not as_json:
        click.echo(f"{text}: {losses['nats_per_token']:.4f} nats/token before, "
                   f"{losses['nats_per_token_quantized']:.4f} after: {losses['nats_lost']:+.4f}")
