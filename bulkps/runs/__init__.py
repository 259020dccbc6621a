"""How a run is made, carried out, resumed and retried."""
