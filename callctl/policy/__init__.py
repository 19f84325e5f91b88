"""May this call be made? Pure."""
