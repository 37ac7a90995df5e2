"""Training: from a config to checkpoints.

    import wudao_rt

    report = wudao_rt.train("run.toml")           # or a Config, or the name of a recipe
    report.held_out, report.tokens_per_second, report.folder
"""

from wudao_rt.training.cost import Report
from wudao_rt.training.events import Callbacks
from wudao_rt.training.log import StepInfo
from wudao_rt.training.run import train

__all__ = ["Callbacks", "Report", "StepInfo", "train"]
