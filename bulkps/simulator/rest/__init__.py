"""The REST service behind the stand-in of the Exchange Online module."""
