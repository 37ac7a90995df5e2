"""wudao-rt inspect balance."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import FILE, echo_json, json_option


@click.command("balance")
@click.argument("run", type=FILE)
@click.option("--output", type=FILE, metavar="PNG", help="The picture. [default: balance.png in the run folder]")
@json_option
def balance(run: Path, output: Path | None, as_json: bool) -> None:
    """Draw how many rows every expert got, step by step: a heat map for each layer.

    RUN is the folder of a run with experts. 1.0 is an equal share; the table has the means over the last tenth of the
    steps.

    \b
    Example:
      wudao-rt inspect balance runs/moe-bilingual
    """
    from wudao_rt.plots import load_map
    from wudao_rt.training.loads import read_loads

    loads = read_loads(run)
    picture = load_map(loads, output or run / "balance.png", run.name)
    last = loads.last_tenth()
    if as_json:
        echo_json({"picture": str(picture), "steps": int(loads.steps[-1]), "dropped": loads.dropped,
                   "max_over_mean": [float(layer.max()) for layer in last], "last_tenth": last.round(4).tolist()})
        return
    click.echo("layer  max/mean  load of each expert, 1.0 = an equal share")
    for number, layer in enumerate(last):
        click.echo(f"{number:>5}  {layer.max():8.2f}  {' '.join(f'{load:.2f}' for load in layer)}")
    click.echo(f"{loads.dropped} rows dropped in {len(loads.steps)} steps\n{picture}")
