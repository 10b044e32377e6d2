"""The backfill as a Beam pipeline: transforms around the functions that training and serving run."""
