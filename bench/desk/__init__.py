"""What `make bench AREA=desk` measures: what alerts cost, how fast the queue is, and what a failing database does."""
