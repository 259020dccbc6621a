"""Where cmdlets run: sessions over pypsrp, and one translation of answers into outcomes."""
