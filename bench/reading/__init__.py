"""What reading order files costs: the programs that `bench.features` measures, each run in a process of its own."""
