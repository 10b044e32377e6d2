"""The external load balancer of a stack: its URL map, and Cloud Armor before each backend."""
