"""Virtual devices that speak the device protocol over real HTTP."""
