"""Soft segmentation of medical images: soft mask labelling, SRGAN, SoftGAN and their training."""

__version__ = "0.4.0"
