"""Passwords that meet Exchange's complexity rules; chance comes in as an argument."""

from random import Random

# No character that is mistaken for another when it is read aloud.
_CLASSES = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!#%*+-.:=?@_")
#: Entra ID takes 8 to 256 characters and asks for three of the four classes; all four are given.
LENGTH = 24


def generate(chance: Random) -> str:
    """Return a password of LENGTH characters with every class in it.

    It begins with a letter, so that no spreadsheet takes it for a formula.

    Args:
        chance: What draws; ``random.SystemRandom()``, for nobody may predict it.
    """
    every = "".join(_CLASSES)
    letters = "".join(_CLASSES[:2])
    characters = [*map(chance.choice, _CLASSES)]
    characters += chance.choices(every, k=LENGTH - 1 - len(characters))
    chance.shuffle(characters)
    return chance.choice(letters) + "".join(characters)
