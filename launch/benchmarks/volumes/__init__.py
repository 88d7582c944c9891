"""Lesions as volumes, and ways to make their soft masks of one slice's axes."""
