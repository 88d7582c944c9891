"""`casgan predict` from the checkout: `python -m launch.predict --help` tells more."""

from casgan_jax.commands import predict

if __name__ == "__main__":
    predict.run()
