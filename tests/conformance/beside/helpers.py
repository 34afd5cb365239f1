"""What a student keeps in a file of their own."""


def double(x):
    return 2 * x


def fail():
    numbers = [1, 2]
    return numbers[5]
