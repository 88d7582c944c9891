"""`casgan annotate` from the checkout: `python -m launch.annotate --help` tells more."""

from casgan_jax.commands import annotate

if __name__ == "__main__":
    annotate.run()
