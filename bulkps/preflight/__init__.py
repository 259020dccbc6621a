"""What is known to fail before anything is sent: which queries tell it, who runs them, and what follows."""
