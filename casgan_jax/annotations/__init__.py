"""Tables of rough marks on lesions: RECIST axes, binary masks, several readers' masks."""

from casgan_jax.annotations.annotation import Annotation as Annotation
from casgan_jax.annotations.annotation import Annotations as Annotations
from casgan_jax.annotations.annotation import Failure as Failure
from casgan_jax.annotations.annotation import Group as Group
from casgan_jax.annotations.axes import Axes as Axes
from casgan_jax.annotations.read import read_annotations as read_annotations
