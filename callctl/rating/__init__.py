"""What does a call cost, and how long does a balance last? Exact arithmetic, rounded once, at the end; pure."""
