"""`casgan label` from the checkout: `python -m launch.label --help` tells more."""

from casgan_jax.commands import label

if __name__ == "__main__":
    label.run()
