# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""Lists that may have been written as one text, as on a command line.

Private to this collection; it may change at any time.
"""


def listed(value):
    """A list, also where it was written as one text."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value) if isinstance(value, (list, tuple)) else [value]
