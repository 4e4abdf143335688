"""Other people's rigid registrations, each with one setting, on the benchmark's cases; packages are optional.

An engine takes a case of ``registration_cases.py`` and returns the 4 x 4 matrix from fixed to moving RAS points. All of
them start from the identity, see the fixed mask, and take two threads.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.images import flip_ras_lps, image_in_ras
from numpy.typing import NDArray
from registration_cases import Case

Matrix = NDArray[np.float64]
Engine = Callable[[Case], Matrix]
THREADS = 2


def images(case: Case) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """Fixed, moving and fixed mask, in LPS."""
    fixed, moving = image_in_ras(case.fixed, case.fixed_affine), image_in_ras(case.moving, case.moving_affine)
    return fixed, moving, image_in_ras(case.fixed_mask, case.fixed_affine)


def matrix_of(transform: sitk.Transform) -> Matrix:
    """The RAS matrix of a linear transform of LPS points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(unit.tolist())) - origin for unit in np.eye(3)]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.stack(columns, 1), origin
    return flip_ras_lps(matrix)


def simple_itk(case: Case, correlation: bool) -> Matrix:
    """ITK's own: neighbourhood correlation on two levels, or Mattes' mutual information on three."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    fixed, moving, mask = images(case)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricFixedMask(mask)
    if correlation:
        method.SetMetricAsANTSNeighborhoodCorrelation(3)
        shrink, smooth, iterations = [4, 2], [2, 1], 30
    else:
        method.SetMetricAsMattesMutualInformation(32)
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentagePerLevel([1.0, 0.5, 0.1], 7)
        shrink, smooth, iterations = [4, 2, 1], [3, 1.5, 0], 100
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel(smooth)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetOptimizerAsRegularStepGradientDescent(
        2.0, 1e-3, iterations, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInterpolator(sitk.sitkLinear)
    start = sitk.Euler3DTransform()
    start.SetCenter((case.pts.mean(0) * (-1, -1, 1)).tolist())
    method.SetInitialTransform(start, inPlace=False)
    return matrix_of(method.Execute(fixed, moving))


def greedy(case: Case, metric: str) -> Matrix:
    """greedy, from the identity on three levels; its matrices are RAS, fixed to moving."""
    from picsl_greedy import Greedy3D

    fixed, moving, mask = images(case)
    program = Greedy3D()
    asked = f"-threads {THREADS} -d 3 -a -dof 6 -m {metric} -i f m -gm fm -ia-identity -n 100x50x10 -o aff -V 0"
    with open(os.devnull, "w") as silent:
        mask = sitk.Cast(mask, sitk.sitkFloat32)
        program.execute(asked, out=silent, err=silent, f=fixed, m=moving, fm=mask, aff=None)
    return np.asarray(program["aff"], float)


def ants_mattes(case: Case) -> Matrix:
    """ANTs with Mattes' mutual information on three levels."""
    import ants

    def image(array: NDArray[Any], affine: Matrix) -> Any:
        lps = image_in_ras(array, affine)
        direction = np.reshape(lps.GetDirection(), (3, 3))
        values = np.ascontiguousarray(array, np.float32)
        return ants.from_numpy(values, origin=lps.GetOrigin(), spacing=lps.GetSpacing(), direction=direction)

    fixed, moving = image(case.fixed, case.fixed_affine), image(case.moving, case.moving_affine)
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "identity.mat"
        sitk.WriteTransform(sitk.AffineTransform(3), str(start))
        found = ants.registration(
            fixed,
            moving,
            type_of_transform="Rigid",
            initial_transform=[str(start)],
            outprefix=str(Path(folder) / "found"),
            mask=image(case.fixed_mask, case.fixed_affine),
            aff_metric="mattes",
            aff_sampling=32,
            aff_random_sampling_rate=0.2,
            aff_iterations=(500, 250, 50),
            aff_shrink_factors=(4, 2, 1),
            aff_smoothing_sigmas=(3, 1, 0),
        )
        return matrix_of(sitk.ReadTransform(found["fwdtransforms"][-1]))


def elastix_mi(case: Case) -> Matrix:
    """elastix with Mattes' mutual information on four levels; its result is read from its own parameter file."""
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(THREADS)
    given = []
    for image in images(case):
        given.append(itk.image_from_array(sitk.GetArrayFromImage(image)))
        given[-1].SetSpacing(image.GetSpacing())
        given[-1].SetOrigin(image.GetOrigin())
        given[-1].SetDirection(itk.matrix_from_array(np.reshape(image.GetDirection(), (3, 3)).copy()))
    parameters = itk.ParameterObject.New()
    settings = parameters.GetDefaultParameterMap("rigid", 4)
    settings |= {
        "Metric": ["AdvancedMattesMutualInformation"],
        "AutomaticTransformInitialization": ["false"],
        "MaximumNumberOfIterations": ["300"],
        "NumberOfSpatialSamples": ["4000"],
        "ErodeMask": ["false"],
        "ImageSampler": ["RandomCoordinate"],
    }
    parameters.AddParameterMap(settings)
    fixed, moving, mask = given
    _, found = itk.elastix_registration_method(
        fixed, moving, parameter_object=parameters, fixed_mask=mask, number_of_threads=THREADS, log_to_console=False
    )
    euler = sitk.Euler3DTransform()
    euler.SetComputeZYX((found.GetParameter(0, "ComputeZYX") or ["false"])[0] == "true")
    euler.SetCenter([float(text) for text in found.GetParameter(0, "CenterOfRotationPoint")])
    euler.SetParameters([float(text) for text in found.GetParameter(0, "TransformParameters")])
    return matrix_of(euler)


#: Name -> how tables call it, the module that it needs, and the engine.
PEERS: dict[str, tuple[str, str, Engine]] = {
    "sitk_ncc": ("SimpleITK, neighbourhood correlation", "SimpleITK", partial(simple_itk, correlation=True)),
    "sitk_mattes": ("SimpleITK, Mattes", "SimpleITK", partial(simple_itk, correlation=False)),
    "greedy_wncc": ("greedy, weighted NCC", "picsl_greedy", partial(greedy, metric="WNCC 4x4x4")),
    "greedy_nmi": ("greedy, NMI", "picsl_greedy", partial(greedy, metric="NMI")),
    "ants_mattes": ("ANTs, Mattes", "ants", ants_mattes),
    "elastix_mi": ("elastix, MI", "itk.elastix", elastix_mi),
}


def installed(module: str) -> bool:
    """Whether a package can be imported; nothing is imported but its parents."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
