"""`callctl`. Patching comes before every other import, so that nothing holds a blocking socket or lock."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

from callctl.cli import main

if __name__ == "__main__":
    main()
