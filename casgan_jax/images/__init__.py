"""Reading and writing images."""

from casgan_jax.images.metaimage import write_metaimage as write_metaimage
from casgan_jax.images.nifti import write_nifti as write_nifti
from casgan_jax.images.nrrd import write_nrrd as write_nrrd
from casgan_jax.images.raster import read_image as read_image
from casgan_jax.images.raster import write_npy as write_npy
from casgan_jax.images.raster import write_png as write_png
from casgan_jax.images.raster import write_tiff as write_tiff
from casgan_jax.images.scan import open_stack as open_stack
from casgan_jax.images.scan import read_scan as read_scan
from casgan_jax.images.stack import Scan as Scan
from casgan_jax.images.stack import Stack as Stack
from casgan_jax.images.volume_files import write_volume as write_volume
