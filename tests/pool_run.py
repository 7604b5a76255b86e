"""A pool whose workers note their process id in the folder given and then wait; run by test_parallel."""
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from cosmicnet.training.parallel import single_threaded_pool


def wait(folder: Path) -> None:
    (folder / f"{os.getpid()}.{os.environ['OMP_NUM_THREADS']}").touch()
    time.sleep(600.0)


if __name__ == "__main__":
    with single_threaded_pool(2) as pool:
        for future in [pool.submit(wait, Path(sys.argv[1])) for _ in range(2)]:
            future.result()
