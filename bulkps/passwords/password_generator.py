"""Generates passwords that meet Exchange's complexity rules; the source of randomness is an argument."""

from random import Random

# No characters that are easily mistaken for another.
_CLASSES = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!#%*+-.:=?@_")
#: Entra ID takes 8 to 256 characters and asks for three of the four classes; bulkps uses all four.
LENGTH = 24


def generate(chance: Random) -> str:
    """Return a password of LENGTH characters, with every class.

    It begins with a letter, so that no spreadsheet takes it for a formula.

    Args:
        chance: The generator: ``random.SystemRandom()``, because the result must not be predictable.
    """
    every = "".join(_CLASSES)
    letters = "".join(_CLASSES[:2])
    characters = [*map(chance.choice, _CLASSES)]
    characters += chance.choices(every, k=LENGTH - 1 - len(characters))
    chance.shuffle(characters)
    return chance.choice(letters) + "".join(characters)
