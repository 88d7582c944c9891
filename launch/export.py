"""`casgan export` from the checkout: `python -m launch.export --help` tells more."""

from casgan_jax.commands import export

if __name__ == "__main__":
    export.run()
