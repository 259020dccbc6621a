"""What stands between the rooms and whoever uses them: the seed's names, and how a run is put together."""
