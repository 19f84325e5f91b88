"""What is in use: live limits, as leases in Redis that a crash lets end by themselves."""
