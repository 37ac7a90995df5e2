"""python -m wudao_rt: the command `wudao-rt`."""

import signal


def main() -> None:
    """Run the command; Ctrl-C while modules are still being read ends it without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from wudao_rt.cli import program

    program()


if __name__ == "__main__":
    main()
