"""The page as an object: opening it, setting it, running and stopping it. What it says is in `selectors.yaml`."""
