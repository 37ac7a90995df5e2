"""wudao-rt eval image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wudao_rt.cli.options import FILE, Number, echo_json, json_option, threads_option
from wudao_rt.cli.pictures import MODEL, open_cogview, require_cogview

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView
    from wudao_rt.data.pictures import Pictures
    from wudao_rt.image.tokenizer import VQTokenizer

PARTS = ["tokenizer", "likelihood", "retrieval", "drawing"]
_OP = "eval image"
SPLITS = ["report", "validation", "untouched"]


@click.command("image")
@click.option("--model", default=MODEL, show_default=True, metavar="DIR",
              help="Run folder, checkpoint or folder of a CogView; or of an image tokenizer, for its part alone.")
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True,
              help="What to measure; may be given several times. Default: all.")
@click.option("--split", type=click.Choice(SPLITS), default="report", show_default=True)
@click.option("--corpus", default="emoji", show_default=True, metavar="NAME|DIR",
              help="Prepared pictures, or a folder of packed ones.")
@click.option("--limit", type=click.IntRange(min=0), default=0, metavar="N",
              help="Pictures of N bases only, for a quick look; 0: all. Retrieval takes 16 at least.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="Of captions that are exchanged, samples and intervals.")
@click.option("-n", "n", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
              help="drawing: pictures of each text.")
@click.option("--temperature", type=Number(min=0), default=1.0, show_default=True, metavar="T",
              help="drawing: as of draw.")
@click.option("--top-k", type=click.IntRange(min=0), default=100, show_default=True, metavar="K",
              help="drawing: as of draw.")
@click.option("--guidance", type=Number(min=0), default=1.0, show_default=True, metavar="G",
              help="drawing: as of draw.")
@click.option("--sheets", type=FILE, metavar="DIR",
              help="drawing: write a sheet of each group, a PNG file with a row for each of eight texts, the best "
                   "first; and a line of JSON for each picture drawn: prompt, seed, index, file, codes, caption_loss.")
@click.option("--classifier", type=FILE, metavar="DIR",
              help="drawing: folder of emoji-cnn; it is trained there if there is none. Default: in the cache.")
@click.option("--grid", type=FILE, metavar="FILE", help="Write originals beside their reconstructions, a PNG file.")
@threads_option
@json_option
def command(model: str, parts: tuple[str, ...], split: str, corpus: str, limit: int, seed: int, grid: Path | None,
            sheets: Path | None, classifier: Path | None, as_json: bool, **sampling: Any) -> None:
    """Measure a CogView, or an image tokenizer, on held-out pictures.

    \b
    tokenizer   PSNR, SSIM, use of codes, perplexity
    likelihood  nats per code behind the true caption, another one, none; what the true one gains
    retrieval   the right caption among 16 and 64
    drawing     what a small classifier (emoji-cnn, trained on first use) sees in drawn pictures, random and best of N;
                its Fréchet distance between drawn and real ones; copies of what was learned; pictures completed

    Intervals are 95 %, bootstrapped over base emoji. With --json one object for each number: part, measure, what it is
    of (group, language, level, ...), value, low, high, chance, n; categories in full are there only.

    \b
    Example:
      wudao-rt eval image --model runs/emoji-cogview --json
      wudao-rt eval image --model runs/emoji-vq --part tokenizer --grid grid.png
    """
    from wudao_rt.evaluation.images import Evaluation, Sampling
    from wudao_rt.evaluation.images.progress import on_screen

    evaluation = Evaluation(_model(model), _pictures(corpus), split, limit=limit, seed=seed, watch=on_screen,
                            sampling=Sampling(**sampling), classifier=classifier,
                            sheets=sheets)
    for result in evaluation.run(parts):
        if as_json:
            echo_json(result.to_json())
        elif not result.detail:
            click.echo(result.line())
    if grid:
        written = evaluation.write_grid(grid)
        if not as_json:
            click.echo(f"grid: {written}")


def _model(folder: str) -> CogView | VQTokenizer:
    import wudao_rt

    if not Path(folder).exists():
        return open_cogview(folder, _OP)  # tells what is missing
    found = wudao_rt.load(folder)
    return found if isinstance(found, wudao_rt.VQTokenizer) else require_cogview(found, folder, _OP)


def _pictures(corpus: str) -> Pictures:
    from wudao_rt import data
    from wudao_rt.data.pictures import Pictures

    return Pictures(corpus if Path(corpus).is_dir() else data.prepare(corpus).path)
