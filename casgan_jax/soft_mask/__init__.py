"""Rough annotation -> accurate soft mask (paper 3.1); knows no network."""
