"""What the core synthesises and outlines, in single precision: what Training publishes does not depend on a processor.

Some processors offer bfloat16, and the core takes it, as people at work like to wait less; images and outlines then
differ by a little, and registrations end elsewhere, by a few hundredths of a millimetre. These are the core's functions
in all else. Networks that Training runs by itself are in single precision anyway.
"""

from __future__ import annotations

from mmhvae import synthesize as _synthesize
from mmhvae.compute import full_precision
from mmhvae.segmentation import outline_ultrasound as _outline_ultrasound, segment_tumour as _segment_tumour

synthesize = full_precision()(_synthesize)
segment_tumour = full_precision()(_segment_tumour)
outline_ultrasound = full_precision()(_outline_ultrasound)
