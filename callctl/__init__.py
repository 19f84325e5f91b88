"""callctl: decides, connects and records the calls of a FreeSWITCH platform."""

__version__ = "0.1.0"
