"""A FreeSWITCH as seen over its event socket."""
