"""Windows, networks and their training: everything between an input table and a forecast."""
