"""`casgan evaluate` from the checkout: `python -m launch.evaluate --help` tells more."""

from casgan_jax.commands import evaluate

if __name__ == "__main__":
    evaluate.run()
