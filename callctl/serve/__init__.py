"""The processes of `callctl serve`: a supervisor, workers that control calls, and a recorder that hears the nodes."""
