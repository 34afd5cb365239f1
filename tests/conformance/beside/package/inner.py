"""A module in a package."""


def where():
    return __name__
