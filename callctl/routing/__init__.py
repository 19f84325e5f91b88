"""Where does a call go? Pure."""
