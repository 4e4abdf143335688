"""A training script as two processes that share a batch, which take what they import from one process.

As torchrun starts them, each with its rank. How a script itself starts the second, test_train.py shows.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[2] / "Training"
#: Runs the script's ``main`` in a parent and a child.
PROGRAM = """
import os, runpy, sys
del sys.argv[0]
main = runpy.run_path(sys.argv[0])["main"]
child = os.fork()
os.environ["LOCAL_RANK"] = "0" if child else "1"
main()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run_as_two(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """``Training/script`` as two processes of one thread each, with these arguments."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(str(TRAINING.parent / part) for part in ("MMHVAESynthesis", "Training"))
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0", "WORLD_SIZE": "2"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(TRAINING / script), *map(str, arguments), "--device.devices", "2"],
        capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path} | place,
    )  # fmt: skip
