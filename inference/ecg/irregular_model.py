"""Coefficients of the probability of fibrillation before classes are known.

Written by ``python -m ml.irregular --write`` from the annotations of the MIT-BIH
Atrial Fibrillation and Normal Sinus Rhythm Databases (PhysioNet, ODC-By).
"""

CENTRE = (
    -2.9114,  # step_median
    -4.1253,  # near_median
    -3.3412,  # near_upper
    -3.2988,  # pair_median
    -2.7044,  # pair_upper
    -2.5825,  # beat_upper
    -3.6282,  # spread_quarter
    -2.5482,  # spread_half
    -1.8488,  # spread_most
    0.1955,  # turning_points
    0.4822,  # one_back
    0.3523,  # two_back
)
SLOPE = (
    0.2428,  # step_median
    0.1803,  # near_median
    -3.8141,  # near_upper
    7.0868,  # pair_median
    0.796,  # pair_upper
    1.4135,  # beat_upper
    0.1981,  # spread_quarter
    0.7007,  # spread_half
    -3.0284,  # spread_most
    -5.4234,  # turning_points
    -7.2491,  # one_back
    -2.4539,  # two_back
)
INTERCEPT = -7.0296
