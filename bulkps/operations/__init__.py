"""Operations as data: the model, the loader, and one YAML file for each. Pure."""
