"""Segmentation without a network, and of a network's probability map: the rivals of paper table 3.

Pure functions of one patch (H, W), NumPy and SciPy alone, deterministic.
"""
