"""The dashboard: pages, styles and scripts as they are written, and what serves them."""
