"""Passwords that meet Exchange's complexity rules. Pure: chance comes in as an argument."""

from collections.abc import Callable

# No character that is mistaken for another when it is read aloud.
_CLASSES = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!#%*+-.:=?@_")
#: Entra ID takes 8 to 256 characters and asks for three of the four classes; all four are given.
LENGTH = 24


def generate(draw: Callable[[int], int]) -> str:
    """Return a password of LENGTH characters with every class in it.

    It begins with a letter, so that no spreadsheet takes it for a formula.

    Args:
        draw: Returns a number from 0 to below its argument, unpredictably (``secrets.randbelow``).
    """
    every = "".join(_CLASSES)
    letters = "".join(_CLASSES[:2])
    first = letters[draw(len(letters))]
    characters = [group[draw(len(group))] for group in _CLASSES]
    characters += [every[draw(len(every))] for _ in range(LENGTH - 1 - len(characters))]
    for last in range(len(characters) - 1, 0, -1):
        other = draw(last + 1)
        characters[last], characters[other] = characters[other], characters[last]
    return first + "".join(characters)
