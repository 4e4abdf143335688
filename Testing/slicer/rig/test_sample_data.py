"""The stand-in of Sample Data downloads, checks and loads as Slicer's does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rig
import SimpleITK as sitk

rig.require()

import slicer


@pytest.fixture
def register(scene, tmp_path):
    """``register(checksum, **others)``: a sample of one volume, from a file."""
    import SampleData

    path = tmp_path / "cube.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(8, dtype=np.int16).reshape(2, 2, 2)), str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def make(checksum=None, **others):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="Rig",
            sampleName="Cube",
            uris=path.as_uri(),
            fileNames="cube.nrrd",
            checksums=f"SHA256:{checksum or digest}",
            **{"nodeNames": "cube", **others},
        )
        return SampleData

    yield make
    slicer.modules.sampleDataSources.clear()
    (Path(scene.GetCacheManager().GetRemoteCacheDirectory()) / "cube.nrrd").unlink(missing_ok=True)


def test_a_sample_is_loaded_under_its_name_without_a_file_of_its_own(register):
    node = register().downloadSample("Cube")
    assert node.GetName() == "cube"
    assert slicer.util.arrayFromVolume(node).ravel().tolist() == list(range(8))
    assert node.GetStorageNode() is None


def test_a_wrong_checksum_is_refused(register, scene):
    result = register(checksum="0" * 64).downloadSamples("Cube")
    assert not any(hasattr(one, "GetID") for one in result)  # paths of files that were removed, as in Slicer
    assert not any(Path(path).exists() for path in result)
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0


def test_a_file_that_is_not_to_be_loaded_is_a_path(register, scene):
    (path,) = register(loadFiles=False).downloadSamples("Cube")
    assert Path(path).is_file()
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0


def test_a_damaged_file_in_the_cache_is_downloaded_again(register, scene):
    cached = Path(scene.GetCacheManager().GetRemoteCacheDirectory()) / "cube.nrrd"
    cached.write_text("half of it")
    assert register().downloadSample("Cube").GetName() == "cube"


def test_a_source_is_registered_once_and_needs_as_many_of_each(register):
    register()
    logic = register().SampleDataLogic
    assert len(logic.sampleDataSourcesByCategory("Rig")) == 1
    with pytest.raises(ValueError, match="same length"):
        logic.registerCustomSampleDataSource(uris=["a", "b"], fileNames=["a"], nodeNames=["a", "b"])
