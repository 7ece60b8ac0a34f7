"""What sidecars share: the way to the router's relay, their settings, their health endpoint, their log lines."""
