r"""Measures one part of the system beside what it replaces: one JSON object a line, a summary last.

    python -m launch.benchmark --suite=matting
    python -m launch.benchmark --suite=marks --workdir=runs/marked --data_dir=data/lidc
    python -m launch.benchmark --suite=quality --data_dir=data/lidc --isbi_dir=data/isbi2012

Suites:
  all      every suite in a process of its own, with a time limit, into --output; goes on
  matting  closed-form matting beside pymatting in one process (the extra bench)
  train    the adversarial step beside the same networks in PyTorch (the extra bench)
  input    the input pipeline beside the training step that it feeds
  predict  a cascade's latency and images per second
  label    a soft mask from RECIST axes beside full-frame GrabCut and pymatting (the extra bench),
           and labels beside the readers or the true alpha of a prepared data set (docs/labels.md)
  annotate the server of casgan annotate over HTTP: soft masks, scrolling, the work list; what
           corrections gain on the readers of a prepared data set (docs/annotating.md)
  marks    a trained network that sees axes beside the label from these, and its certainty
  quality  CasGAN and U-Net beside MONAI's networks (the extra bench), trained on the same patients
           for the same seconds; :quick takes minutes, :package has the package's network instead
  volume   the soft mask of a whole lesion from the axes of one slice, of --volume_dir: made lesions
           of known volume (phantom/volumes), or nodules that readers outlined (lidc/volumes); with
           --workdir a network slice by slice
"""

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.large_pages import begin_with_large_pages
from casgan_jax.commands.path_flag import define_path

flags.DEFINE_string("suite", None, "What to measure; see above.")
define_path("output", None, "all: folder of what is measured.")
flags.DEFINE_float("suite_seconds", 3600.0, "all: at most, of each suite.", lower_bound=1.0)
define_path("data_dir", None, "annotate, input, label, marks, quality: prepared data.")
define_path("volume_dir", None, "volume: prepared data of whole lesions.")
flags.DEFINE_string("config", "softgan:cpu", "input, predict: NAME[:VARIANT] to measure.")
_WORKDIR = "annotate, marks, predict, volume: a trained cascade; quality: what it trains."
define_path("workdir", None, _WORKDIR)
define_path("isbi_dir", None, "quality: the prepared isbi2012 data set.")
flags.DEFINE_float("seconds", 1800.0, "quality: of training, of each system.", lower_bound=1.0)
flags.DEFINE_integer("folds", 5, "quality: into which patients are cut.", lower_bound=2)
flags.DEFINE_integer("first_folds", 0, "quality: only so many of them; 0: all.", lower_bound=0)
flags.DEFINE_list("peers", [], "quality: only these beside CasGAN; none: all.")
define_path("deeplesion", None, "annotate: DL_info.csv, with grabcut_masks beside it.")
flags.DEFINE_float("soak_seconds", 0.0, "annotate: only 20 readers at a server, for so long.")
flags.DEFINE_string("dtype", "float32", "train: float32 or bfloat16.")
flags.DEFINE_integer("limit", 500, "annotate, label, marks, volume: lesions.", lower_bound=1)
flags.DEFINE_integer("repeats", 11, "Measurements of each case.", lower_bound=1)


def main(_: list[str]) -> None:
    from launch.benchmarks.running import lines  # with JAX, which --help does not need

    for line in lines(flags.FLAGS.suite or "", flags.FLAGS):
        print(line, flush=True)


if __name__ == "__main__":
    begin_with_large_pages()  # as training does
    run_main(main)
