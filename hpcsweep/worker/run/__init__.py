"""What a job is given as `run`: its handle, the history, the state it checkpoints, and the heartbeat of its claim."""
