"""Segmentation without a network, and of a network's probability map: the rivals of paper table 3.

The methods are pure functions of one patch (H, W), NumPy and SciPy alone, deterministic. `system`
makes systems of them that are measured and used like trained ones, `run` measures one.
"""
