"""What can be done, as data: the model, the loader, one YAML file per operation. Pure."""
