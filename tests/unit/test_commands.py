"""Each command is loaded by a process that has loaded no other."""

import subprocess
import sys

ALONE = """
import callctl.__main__
import gc, os
from importlib import import_module

import MySQLdb, orjson, prometheus_client, redis, structlog, yaml

from callctl.cli import COMMANDS

gc.freeze()
for module in sorted(set(COMMANDS.values())):
    child = os.fork()
    if not child:
        import_module(f"callctl.cli.{module}")
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(f"callctl.cli.{module} cannot be loaded")
"""


def test_every_command_can_be_loaded_by_itself():
    loading = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert (loading.returncode, loading.stdout, loading.stderr) == (0, "", "")
