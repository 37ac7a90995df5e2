"""wudao-rt bench preset."""

from __future__ import annotations

import click

from wudao_rt.cli.options import Number, echo_json, threads_option


@click.command("preset")
@click.option("--preset", "name", default="verse-tiny", show_default=True, help="Named shape.")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float64"]), default="bfloat16", show_default=True)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Samples of a step.")
@click.option("--length", type=click.IntRange(min=8), default=64, show_default=True, help="Tokens of a sample.")
@click.option("--streams", type=click.IntRange(min=1), default=16, show_default=True, help="Texts decoded together.")
@click.option("--seconds", type=Number(min=0.1), default=5.0, show_default=True, help="For each measurement.")
@threads_option
def preset(name: str, dtype: str, batch: int, length: int, streams: int, seconds: float) -> None:
    """Measure a preset with random weights: a training step, what virtual shards cost, decoding.

    One JSON object a line.

    \b
    Example:
      wudao-rt bench preset --preset verse --dtype bfloat16
    """
    from wudao_rt.config.glm import PRESETS
    from wudao_rt.config.settings import refuse_unknown
    from wudao_rt.training.measure import measure_decoding, measure_shards, measure_training

    refuse_unknown(name, PRESETS, "bench preset: --preset")
    echo_json(measure_training(name, dtype, batch, length, seconds))
    echo_json(measure_shards(name, dtype, batch, length, seconds))
    echo_json(measure_decoding(name, dtype, streams, length, seconds))
