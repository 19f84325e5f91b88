"""What an OV500 installation has configured, read from its database and made into declarative files."""
