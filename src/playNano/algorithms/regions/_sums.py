"""Places in the row of sums that the kernels keep of each region."""

from __future__ import annotations

# Sums are anchored: taken about the first pixel of the region, so that they stay exact integers and lose no digits to
# the size of the frame.
AREA, SUM_Y, SUM_X, SUM_Z, MIN, MAX = 0, 1, 2, 3, 4, 5
ROW_0, COL_0, ROW_1, COL_1, ANCHOR = 6, 7, 8, 9, 10
N_BASIC = 11
SUM_YY, SUM_XX, SUM_XY, SUM_ZY, SUM_ZX = 11, 12, 13, 14, 15
N_RUNS, BELOW, DIAGONAL, BACKGROUND, HEIGHT, PERIMETER = 16, 17, 18, 19, 20, 21
N_FULL = 22
