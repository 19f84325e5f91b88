"""The wire to FreeSWITCH."""
