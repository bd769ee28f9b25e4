"""Turned axes for volumes that lie askew. Imported by the scripts beside it; needs numpy."""

import numpy


def rotation(angles):
    """The matrix of turns about the first, second and third axis, in radians, one after the other."""
    matrix = numpy.eye(3)
    for axis, angle in enumerate(angles):
        one, other = [place for place in range(3) if place != axis]
        turn = numpy.eye(3)
        turn[one, one] = turn[other, other] = numpy.cos(angle)
        turn[one, other], turn[other, one] = -numpy.sin(angle), numpy.sin(angle)
        matrix = matrix @ turn
    return matrix
