"""What happens by itself: a schedule of Cloud Scheduler falls due, an object lands in a bucket.

The supervisor of the stack looks at the clock and at the buckets; each time that something is to happen, a process of
its own does it: `launch.py infra.local.events HOME STACK`.
"""
