"""Lambda, as moto names it: what functions, versions and aliases need and refuse."""
