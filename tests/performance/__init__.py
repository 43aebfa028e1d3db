"""Speed, measured beside the installed peers: `make bench`. Nothing here is a test."""
