"""What `make bench` measures, an area a module. Each prints a table and writes reports/bench/<area>.json."""
