"""What goes with a node that is removed while the slice views show it."""

from __future__ import annotations

import gc

import numpy as np
import rig

rig.require()

import slicer
import vtk
from MMHVAESynthesisLib.nodes import remove_shown

from ..made_nodes import volume


def test_neither_display_nodes_nor_voxels_of_a_shown_volume_stay(scene):
    slicer.util.setSliceViewerLayers(background=volume(np.ones((9, 9, 9), np.float32)))
    rig.process_events(50)
    count, gone = scene.GetNumberOfNodes(), []
    for _turn in range(3):
        node = volume(np.ones((9, 9, 9), np.float32))
        node.CreateDefaultDisplayNodes()
        node.GetImageData().AddObserver(vtk.vtkCommand.DeleteEvent, lambda *_: gone.append(1))
        slicer.util.setSliceViewerLayers(foreground=node)
        rig.process_events(50)
        remove_shown(node)
        del node
        rig.process_events(50)
        assert scene.GetNumberOfNodes() == count
    gc.collect()
    assert len(gone) >= 2  # a view's own pipeline keeps what it has shown last
