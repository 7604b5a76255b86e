"""A pool of two workers at work and an idle one, which note their process ids; run by test_parallel."""
from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from cosmicnet.training.work.parallel import single_threaded_pool


def wait(folder: Path, seconds: float) -> None:
    with (folder / f"{os.getpid()}.{os.environ['OMP_NUM_THREADS']}").open("a") as file:
        file.write("a task\n")
    time.sleep(seconds)


if __name__ == "__main__":
    # a command that was started in the background ignores it, and so would those that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with single_threaded_pool(3) as pool:
        # long enough that no worker takes a second one
        for future in [pool.submit(wait, Path(sys.argv[1]), seconds) for seconds in (600.0, 600.0, 1.0)]:
            future.result()
