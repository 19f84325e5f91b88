"""What happened, durably."""
