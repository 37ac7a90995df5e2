"""Speed measured side by side with other engines: `wudao-rt bench`.

Each engine, ours too, is a worker process, the peers in virtual environments of their own (`environments`). For each
case the harness (`measure`) compares what both computed, then gives them turns alternately while the other is stopped.
"""
