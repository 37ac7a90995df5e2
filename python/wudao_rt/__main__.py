"""`python -m wudao_rt`: the command `wudao-rt`."""

from wudao_rt.cli import main

main()
