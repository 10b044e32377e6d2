"""Past orders by the thousand million: features, scores and what the store would know, from as many order files as
there are. What is written, and how one machine makes it; `beam` runs the same on an engine for many machines.
"""
