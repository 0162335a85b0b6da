"""Load and scale, run by hand: `estore bench`. Ratios of one run; nothing here is a test."""
