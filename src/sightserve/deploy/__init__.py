"""From a laptop to an address that people can open: the steps as data, shown or carried out."""
