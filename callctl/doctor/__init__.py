"""What `callctl doctor` examines: one file per thing, one small function per check."""
