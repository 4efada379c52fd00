"""What `alai heartbeat` and `alai routing` do on a host: look, restart, tell, and remember between two runs."""
