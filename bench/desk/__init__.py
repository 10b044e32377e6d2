"""The desk while its database fails, which tests/service runs. `make bench AREA=page` tells how fast its queue is."""
