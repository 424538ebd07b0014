"""`python -m local` is `tl`."""

from tinyllama.imports import importing


def main() -> None:
    """Run the command line."""
    with importing():
        from local.cli import main as run  # noqa: PLC0415 -- that is the point
    run()


if __name__ == "__main__":
    main()
