"""How much of what a store of a given size needs: `estore bench capacity`, and where its figures come from."""
