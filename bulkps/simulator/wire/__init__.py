"""WSMan and PSRP from the server side."""
