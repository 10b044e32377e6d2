"""A demonstration on this machine: from orders in a bucket to a promoted model, and back from a bad one."""
