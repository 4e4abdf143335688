"""The standardised uptake value by body weight: what a PET's Bq/ml are multiplied with.

As the Quantitative Imaging Biomarkers Alliance has it (FDG-PET/CT profile): the dose decays from injection to the time
that the images are corrected to, their series' beginning ("START"), or not at all ("ADMIN"). Where the series' time is
later than an image's acquisition, the images were derived afterwards, and the first acquisition is the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mmhvae.exceptions import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

PHILIPS_SUV_FACTOR = (0x7053, 0x1000)
"""Private: counts to SUV."""
DAY = timedelta(days=1)


def suv_scale(headers: Sequence[Dataset], title: str) -> float:
    """What the values of a series, its slopes applied, are multiplied with to be g/ml.

    Raises:
        InputError: the headers do not say what is needed, or the values are no activity.
    """
    first = headers[0]
    units = str(first.get("Units") or "").upper()
    if units == "GML":
        return 1.0
    if units == "CNTS" and PHILIPS_SUV_FACTOR in first and float(first[PHILIPS_SUV_FACTOR].value) > 0:
        return float(first[PHILIPS_SUV_FACTOR].value)
    if units != "BQML":
        raise _without_scale(title, f"its units are {units or 'not given'}")
    corrected = str(first.get("DecayCorrection") or "").upper()
    if corrected not in ("START", "ADMIN"):
        raise _without_scale(title, "it is not corrected for decay")
    weight = 1000 * _number(first, "PatientWeight", "the patient's weight", title)
    injected = (first.get("RadiopharmaceuticalInformationSequence") or [{}])[0]
    dose = _number(injected, "RadionuclideTotalDose", "the injected dose", title)
    if corrected == "ADMIN":
        return weight / dose
    half_life = _number(injected, "RadionuclideHalfLife", "the half-life", title)
    waited = (_beginning(headers, title) - _injection(injected, first, title)).total_seconds()
    if not 0 <= waited < DAY.total_seconds():
        raise _without_scale(title, "its times of injection and acquisition contradict each other")
    return float(weight / (dose * 0.5 ** (waited / half_life)))


def _number(content: Any, name: str, told: str, title: str) -> float:
    try:
        value = float(content.get(name) or 0)
    except (TypeError, ValueError):
        value = 0.0
    if value <= 0:
        raise _without_scale(title, f"it does not say {told}")
    return value


def _beginning(headers: Sequence[Dataset], title: str) -> datetime:
    """Of the series, or of its first acquisition if that was earlier."""
    series = _moment(headers[0], "Series", title)
    acquired = [_moment(header, "Acquisition", title) for header in headers if header.get("AcquisitionTime")]
    return min([series, *acquired])


def _moment(header: Dataset, what: str, title: str) -> datetime:
    return _parsed(f"{header.get(f'{what}Date') or header.get('SeriesDate')}{header.get(f'{what}Time')}", title)


def _injection(injected: Any, header: Dataset, title: str) -> datetime:
    """By date and time; a time alone is of the day of the scan, or of the day before."""
    whole = str(injected.get("RadiopharmaceuticalStartDateTime") or "")
    if whole:
        return _parsed(whole, title)
    found = _parsed(f"{header.get('SeriesDate')}{injected.get('RadiopharmaceuticalStartTime')}", title)
    return found if found <= _moment(header, "Series", title) else found - DAY


def _parsed(text: str, title: str) -> datetime:
    """DICOM's YYYYMMDDHHMMSS; fractions of a second and a time zone are left out: all of one header share it."""
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S")
    except ValueError as error:
        raise _without_scale(title, "it does not say when it was injected and acquired") from error


def _without_scale(title: str, reason: str) -> InputError:
    return InputError(f"The {title} is a PET without SUV scale: {reason}; leave it out, or convert it to SUV yourself.")
