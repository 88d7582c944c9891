"""`casgan review` from the checkout: `python -m launch.review --help` tells more."""

from casgan_jax.commands import review

if __name__ == "__main__":
    review.run()
