"""Reading and writing images."""

from casgan_jax.images.raster import read_image as read_image
from casgan_jax.images.raster import write_npy as write_npy
from casgan_jax.images.raster import write_png as write_png
from casgan_jax.images.raster import write_tiff as write_tiff
