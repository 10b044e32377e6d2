"""The command behind `make import`: any shop's export becomes an order file."""
