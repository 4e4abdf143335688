"""Stand-in of the module SampleData: sources that modules register, downloaded into the cache and loaded.

As in the original, a source's custom downloader is what its button calls, and nothing else: to a script, the files are
all that there is, and those without a node's name are only downloaded.
"""

from __future__ import annotations

import logging
import sys
import types
import urllib.request
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtWidgets

_log = logging.getLogger(__name__)
ATTEMPTS = 3


def _as_list(value: Any, like: Any) -> list[Any]:
    """One value a file, as Slicer spreads them: a single one stands alone, None stands for every file."""
    if isinstance(like, str):
        return [value]
    return [value] * len(like) if value is None or isinstance(value, str) else list(value)


def _file_type(name: str | None, node_name: str | None, given: str | None) -> str | None:
    if given is not None or name is None:
        return given
    if node_name is not None:
        return "VolumeFile"
    return {".mrml": "SceneFile", ".mrb": "SceneFile", ".zip": "ZipFile"}.get(Path(name.lower()).suffix)


class SampleDataSource:
    """Files of one sample; the arguments are those of Slicer's class."""

    def __init__(
        self,
        sampleName=None,
        sampleDescription=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        checksums=None,
        loadFiles=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType=None,
        loadFileProperties=None,
    ):
        self.sampleName, self.sampleDescription = sampleName, sampleDescription or sampleName
        self.customDownloader, self.thumbnailFileName = customDownloader, thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}
        self.uris = _as_list(uris, uris)
        self.fileNames, self.nodeNames = _as_list(fileNames, uris), _as_list(nodeNames, uris)
        self.checksums = _as_list(checksums, uris)
        self.loadFiles = [loadFiles] * len(self.uris) if isinstance(loadFiles, bool) else _as_list(loadFiles, uris)
        kinds = _as_list(loadFileType, uris)
        self.loadFileType = [_file_type(*one) for one in zip(self.fileNames, self.nodeNames, kinds, strict=False)]
        if len({len(field) for field in self._fields()}) != 1:
            raise ValueError("All fields of sample data source must have the same length")

    def _fields(self):
        return (self.uris, self.fileNames, self.nodeNames, self.checksums, self.loadFiles, self.loadFileType)

    def __eq__(self, other):
        return isinstance(other, SampleDataSource) and vars(self) == vars(other)

    __hash__ = None


class SampleDataWidget:
    """Of the panel only its buttons, a sample each."""

    @staticmethod
    def setCategoriesFromSampleDataSources(categoryLayout, dataSources, logic):
        """Make a button for every source, named after it."""
        for source in (source for category in sorted(dataSources) for source in dataSources[category]):
            button = QtWidgets.QToolButton()
            button.setText(source.sampleDescription)
            button.setObjectName(f"{source.sampleDescription}PushButton")
            press = source.customDownloader or logic.downloadFromSource
            button.clicked.connect(lambda _=False, press=press, source=source: press(source))
            categoryLayout.addWidget(button)


class SampleDataLogic:
    """Registers sources in ``slicer.modules.sampleDataSources``, and downloads them."""

    def __init__(self, logMessage=None):
        self.logMessage = logMessage or (lambda message, logLevel=logging.DEBUG: _log.log(logLevel, message))

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType="VolumeFile",
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ):
        """Add a source, unless it is there already."""
        source = SampleDataSource(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            thumbnailFileName=thumbnailFileName,
            loadFileType=loadFileType,
            loadFiles=loadFiles,
            loadFileProperties=loadFileProperties,
            checksums=checksums,
            customDownloader=customDownloader,
        )
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        """The sources, of one category or of all by category."""
        every = slicer.modules.sampleDataSources
        return every if category is None else every.get(category, [])

    @staticmethod
    def isSampleDataSourceRegistered(category, sampleDataSource):
        """Whether a category has such a source."""
        return sampleDataSource in slicer.modules.sampleDataSources.get(category, [])

    def sourceForSampleName(self, sampleName):
        """The source of this name, or None."""
        every = (source for sources in slicer.modules.sampleDataSources.values() for source in sources)
        return next((source for source in every if source.sampleName == sampleName), None)

    def downloadSample(self, sampleName):
        """The first node of :meth:`downloadSamples`."""
        return self.downloadSamples(sampleName)[0]

    def downloadSamples(self, sampleName):
        """Download and load a registered sample; [] if there is none of this name."""
        source = self.sourceForSampleName(sampleName)
        return self.downloadFromSource(source) if source else []

    def downloadFromSource(self, source, maximumAttemptsCount=ATTEMPTS):
        """Nodes that were loaded, or paths where nothing was."""
        results, paths = [], []
        for uri, name, node_name, checksum, load, kind in zip(*source._fields(), strict=True):
            for _ in range(maximumAttemptsCount):
                try:
                    path = self.downloadFileIntoCache(uri, name, checksum)
                except ValueError:
                    continue
                paths.append(path)
                if not node_name and kind != "SceneFile":
                    break
                result = path if load is False else self._load(path, node_name, kind, dict(source.loadFileProperties))
                if result:
                    results.append(result)
                    break
                Path(path).unlink(missing_ok=True)  # it may have been downloaded in part
        return results or paths

    def _load(self, path, name, kind, properties):
        if kind == "SceneFile":
            loaded = slicer.app.coreIOManager().loadNodes(kind, {**properties, "fileName": path})
            return path if loaded else None
        return self.loadNode(path, name, kind, properties)

    def downloadFileIntoCache(self, uri, name, checksum=None):
        """Path of a file in the scene's cache."""
        return self.downloadFile(uri, slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory(), name, checksum)

    def downloadFile(self, uri, destFolderPath, name, checksum=None):
        """Download unless it is there; a file with another checksum is removed, and its path is told all the same.

        Raises:
            ValueError: if the download fails.
        """
        path = Path(destFolderPath) / name
        algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
        if path.exists() and algorithm and slicer.util.computeChecksum(algorithm, str(path)) != digest:
            path.unlink()
        if not path.exists():
            try:
                urllib.request.urlretrieve(uri, path)
            except OSError as error:
                self.logMessage(f"Download failed: {error}", logging.ERROR)
                raise ValueError(f"Failed to download {uri} to {path}") from error
            if algorithm and slicer.util.computeChecksum(algorithm, str(path)) != digest:
                self.logMessage("Checksum verification failed.")
                path.unlink()
        return f"{destFolderPath}/{name}"

    def loadNode(self, uri, name, fileType="VolumeFile", fileProperties=None):
        """The first node of a file, without its storage node; None if it cannot be loaded."""
        nodes = vtk.vtkCollection()
        properties = {**(fileProperties or {}), "fileName": uri, "name": name}
        if not Path(uri).exists() or not slicer.app.coreIOManager().loadNodes(fileType, properties, nodes):
            self.logMessage("Load failed!", logging.ERROR)
            return None
        for node in nodes:
            storage = node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None
            if storage:
                slicer.mrmlScene.RemoveNode(storage)
                node.SetAndObserveStorageNodeID(None)
        return nodes.GetItemAsObject(0)


def downloadSample(sampleName):
    """See :meth:`SampleDataLogic.downloadSample`."""
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName):
    """See :meth:`SampleDataLogic.downloadSamples`."""
    return SampleDataLogic().downloadSamples(sampleName)


def install() -> None:
    """Make it the module ``SampleData``, as Slicer's module factory does."""
    slicer.modules.sampleDataSources = {}
    module = types.ModuleType("SampleData")
    for value in (SampleDataSource, SampleDataWidget, SampleDataLogic, downloadSample, downloadSamples):
        setattr(module, value.__name__, value)
    sys.modules["SampleData"] = module
