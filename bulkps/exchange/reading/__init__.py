"""What pre-flight reads: which cmdlets, in which rounds, and everything that came back, found again. Pure.

An ``Inquirer`` is given what the rows want. It hands out rounds of reads; whoever has a session runs them and
gives the answers back; then it has the surroundings of every row. Each fact is read once for the whole run:
by inventory where many rows need it, by item where few do.
"""

from bulkps.exchange.reading.inquirer import Inquirer, Wanted
from bulkps.exchange.reading.read import INVENTORY_COSTS, Facet, Read
from bulkps.exchange.reading.shelf import Shelf, identities

__all__ = ["INVENTORY_COSTS", "Facet", "Inquirer", "Read", "Shelf", "Wanted", "identities"]
