"""What is known about Exchange: cmdlets, what an answer means, values, holds, what blocks a row. Pure."""
