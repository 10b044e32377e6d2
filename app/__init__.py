"""The scoring service: HTTP in front of masking, features and the model."""
