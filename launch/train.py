"""`casgan train` from the checkout: `python -m launch.train --help` tells more."""

from casgan_jax.commands import train

if __name__ == "__main__":
    train.run()
