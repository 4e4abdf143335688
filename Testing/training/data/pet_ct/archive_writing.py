"""PET/CT phantoms -> DICOM as The Cancer Imaging Archive has it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from pydicom.uid import generate_uid

from ..dicom_writing import of, write_segmentation, write_slices

WEIGHT, DOSE, HALF_LIFE, WAIT = 80.0, 3.0e8, 6586.2, 3600
SCALE = 1000 * WEIGHT / (DOSE * 0.5 ** (WAIT / HALF_LIFE))
#: What says how Bq/ml become SUV: injected at nine, scanned at ten.
INJECTED = {
    "RadionuclideTotalDose": str(DOSE),
    "RadionuclideHalfLife": str(HALF_LIFE),
    "RadiopharmaceuticalStartTime": "090000.000000",
}
PET = {
    "Modality": "PT", "Units": "BQML", "DecayCorrection": "START", "PatientWeight": str(WEIGHT),
    "SeriesDate": "20200102", "SeriesTime": "100000", "AcquisitionDate": "20200102", "AcquisitionTime": "100130",
}  # fmt: skip


def pet_tags(injected=INJECTED, **changes):
    tags = {**PET, "RadiopharmaceuticalInformationSequence": of(**injected), **changes}
    tags["RadiopharmaceuticalInformationSequence"] = [tags["RadiopharmaceuticalInformationSequence"]]
    return {name: value for name, value in tags.items() if value is not None}


def write_study(phantom, tree, patient="P1", ct=True, drawn=True, uncorrected=False, **changes):
    """CT in HU; PET in Bq/ml with a slope a slice, the first one 1; one SEG of the lesion's slices."""
    common = {"PatientID": patient, "StudyInstanceUID": generate_uid()}
    if ct:
        slope = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}
        stored = sitk.Cast(phantom.ct + 1024, sitk.sitkUInt16)
        write_slices(stored, tree, Modality="CT", SeriesDescription="CT wb", **common, **slope)
    activity = sitk.GetArrayFromImage(phantom.pet) / SCALE
    for corrected in (True, False) if uncorrected else (True,):
        slopes = [1 if k == 0 else max(float(plane.max()), 1) / 30000 for k, plane in enumerate(activity)]
        stored = np.stack([np.round(plane / slope) for plane, slope in zip(activity, slopes, strict=True)])
        image = sitk.GetImageFromArray((stored if corrected else stored // 2).astype(np.uint16))
        image.CopyInformation(phantom.pet)

        def sloped(content, k, slopes=slopes):
            content.RescaleSlope, content.RescaleIntercept = f"{slopes[k]:.8g}", "0"
            return content

        series = generate_uid()
        tags = pet_tags(**changes) if corrected else pet_tags(Units="PROPCPS")
        list_of = ["NORM", "DECY", *(["ATTN"] if corrected else [])]
        write_slices(image, tree, sloped, **common, **tags, CorrectedImage=list_of, SeriesInstanceUID=series)
    if drawn and phantom.lesion.any():
        write_segmentation({"Lesion": phantom.labels}, tree, series, **common)
