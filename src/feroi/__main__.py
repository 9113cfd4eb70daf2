"""`python -m feroi`, the same as `feroi`; what torchrun starts."""

from feroi.cli import app

if __name__ == "__main__":
    app()
