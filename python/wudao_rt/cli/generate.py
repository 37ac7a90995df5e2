"""wudao-rt generate."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import echo_json, json_option, model_option, threads_option
from wudao_rt.errors import ConfigError


@click.command("generate")
@model_option
@click.option("--prompt", "prompts", multiple=True, metavar="TEXT", help="Text with masks to fill; [gMASK] is added at "
              "the end where there is none. May be given several times.")
@click.option("--file", "file", type=click.Path(path_type=Path), metavar="F", help="File with one prompt a line.")
@click.option("-n", "samples", type=click.IntRange(min=1), default=1, help="Samples for each prompt.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--temperature", type=click.FloatRange(min=0), default=0.9, show_default=True, help="0: greedy.")
@click.option("--top-k", type=click.IntRange(min=0), default=40, show_default=True, help="0: all tokens.")
@click.option("--top-p", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="0: off.")
@click.option("--beams", type=click.IntRange(min=1), default=1, show_default=True, help="Beam search.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@threads_option
@json_option
def command(model: str, prompts: tuple[str, ...], file: Path | None, samples: int, max_new_tokens: int,
            temperature: float, top_k: int, top_p: float, beams: int, seed: int, as_json: bool) -> None:
    """Write text: fill the masks of each prompt from left to right.

    With --json one object for each sample: prompt, sample, text, token_ids, log_prob, finish_reason.

    \b
    Example:
      wudao-rt generate --model runs/verse-tiny --prompt "<七绝><题>春夜[gMASK]" -n 3 --temperature 0.8 --top-k 30
    """
    import wudao_rt

    texts = [*prompts, *_lines(file)]
    if not texts:
        raise ConfigError("generate: --prompt: expected at least one prompt, got none. Give --prompt TEXT or --file F.")
    found = wudao_rt.load(model).generate(
        texts, max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, num_beams=beams,
        num_samples=samples, seed=seed)
    for one in found:
        record = {"prompt": one.prompt, "sample": one.sample, "text": one.text, "token_ids": one.token_ids,
                  "log_prob": one.log_prob, "finish_reason": one.finish_reason}
        echo_json(record) if as_json else click.echo(one.text)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"generate: --file: expected a readable UTF-8 file, got: {error}. Check {file}.") from None
