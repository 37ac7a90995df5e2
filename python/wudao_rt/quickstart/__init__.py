"""What `make quickstart` runs: fetch poems, train on them, read what the model writes, see it measured.

    python -m wudao_rt.quickstart                          # about ten minutes
    python -m wudao_rt.quickstart --seconds 60             # a shorter training
    python -m wudao_rt.quickstart --model runs/verse       # only measure a model that there is
"""
