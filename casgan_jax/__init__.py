"""Soft segmentation of medical images: soft mask labelling, SRGAN, SoftGAN and their training.

    import casgan_jax as cg

    label = cg.label_from_recist(image, recist, scale=4)
    label.alpha  # the soft mask

The names of this face are those of `__init__.pyi`, one a line; each is imported when it is first
used. What is not among them may move from version to version.
"""

import lazy_loader

__version__ = "0.4.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
