"""`casgan compare` from the checkout: `python -m launch.compare --help` tells more."""

from casgan_jax.commands import compare

if __name__ == "__main__":
    compare.run()
