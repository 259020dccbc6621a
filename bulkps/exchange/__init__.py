"""What is known about Exchange: cmdlets and parameters, and what an answer means. Pure."""
