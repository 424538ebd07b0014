"""`python -m local` is `tl`."""

from local.cli import main

if __name__ == "__main__":
    main()
