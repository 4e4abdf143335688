"""qMRMLSliceView: what a slice logic makes of its volumes, really rendered by VTK, off screen."""

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from ..stand_in import custom_widget

#: Slicer's own, of what our modules show in slices beside the volumes.
DISPLAYABLE_MANAGERS = (
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLLinearTransformsDisplayableManager",  # handles
    "vtkMRMLSegmentationsDisplayableManager2D",
)

_BUTTONS = {QtCore.Qt.LeftButton: "Left", QtCore.Qt.MiddleButton: "Middle", QtCore.Qt.RightButton: "Right"}


@custom_widget
class qMRMLSliceView(QtWidgets.QWidget):
    """A slice: the image, annotations in its corners, overlays of whoever adds actors to its renderer."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._group = None, slicer.vtkMRMLDisplayableManagerGroup()
        self._mapper, self._renderer, self._window = vtk.vtkImageMapper(), vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._image.VisibilityOff()
        self._renderer.AddViewProp(self._image)  # before all others: they are drawn in this order
        self._corners = vtk.vtkCornerAnnotation()
        self._corners.SetMaximumLineHeight(0.07)
        self._renderer.AddViewProp(self._corners)
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.AddRenderer(self._renderer)
        self._aim()
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # in place of the one that turns cameras
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()  # Slicer's, which asks the displayable managers
        self._style.SetDisplayableManagers(self._group)
        self._style.SetInteractor(self._interactor)
        self.setMouseTracking(True)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forceRender)
        self._pixels = None
        self.setMinimumSize(80, 60)

    def _aim(self):
        """Handles are drawn in a frame of their own, in which the view is 2 high, about the origin."""
        camera = self._renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetParallelScale(1)
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(0, 0, 1)
        camera.SetClippingRange(0.01, 2)

    def _show(self, logic):
        """Draw what a slice logic makes."""
        connection = logic.GetImageDataConnection()
        if connection is None:
            self._image.VisibilityOff()
        else:
            self._mapper.SetInputConnection(connection)
            self._image.VisibilityOn()
        self.scheduleRender()

    def _reset(self):
        """Take off what was drawn over the slice."""
        self._corners.ClearAllTexts()
        own = (self._image, self._corners)
        for prop in list(self._renderer.GetViewProps()):
            if prop not in own:
                self._renderer.RemoveViewProp(prop)
        self.scheduleRender()

    def _take_apart(self):
        """Let go of the node and of the graphics card."""
        self._timer.stop()
        self._style.SetInteractor(None)
        self._style.SetDisplayableManagers(None)
        self._group.SetMRMLDisplayableNode(None)
        self._group.SetRenderer(None)
        self._window.Finalize()

    def setMRMLSliceNode(self, node):
        self._node = node
        self._group.SetRenderer(self._renderer)
        for name in DISPLAYABLE_MANAGERS:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(slicer.app.applicationLogic())
            self._group.AddDisplayableManager(manager)
        self._group.SetMRMLDisplayableNode(node)
        self._group.AddObserver("UpdateEvent", lambda *_: self.scheduleRender())

    def mrmlSliceNode(self):
        return self._node

    def renderWindow(self):
        return self._window

    def cornerAnnotation(self):
        return self._corners

    def displayableManagerByClassName(self, name):
        return self._group.GetDisplayableManagerByClassName(name)

    def scheduleRender(self):
        """Render soon, once for all that is asked until then."""
        if not self._timer.isActive():
            self._timer.start(0)

    def forceRender(self):
        """Render now."""
        self._timer.stop()
        self._window.SetSize(max(1, self.width), max(1, self.height))
        self._interactor.SetSize(self._window.GetSize())  # handles are as large as it allows
        self._window.Render()
        self._pixels = self._read_pixels()
        self.update()

    def _read_pixels(self):
        """(rows, columns, 3) uint8, the first row on top."""
        columns, rows = self._window.GetSize()
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, columns - 1, rows - 1, 0, pixels, 0)
        return vtk_to_numpy(pixels).reshape(rows, columns, 3)[::-1].copy()

    def resizeEvent(self, event):
        if self._node is not None:
            self._node.SetDimensions(self.width, self.height, 1)
        self.scheduleRender()

    def mousePressEvent(self, event):
        self._tell(event, f"{_BUTTONS[event.button()]}ButtonPressEvent")

    def mouseReleaseEvent(self, event):
        self._tell(event, f"{_BUTTONS[event.button()]}ButtonReleaseEvent")

    def mouseMoveEvent(self, event):
        self._tell(event, "MouseMoveEvent")

    def enterEvent(self, event):
        self._tell(event, "EnterEvent")

    def leaveEvent(self, event):
        self._interactor.InvokeEvent("LeaveEvent")

    def _tell(self, event, name):
        """What VTK's adapter for Qt tells the interactor of the mouse."""
        x, y, _z = self.convertDeviceToXYZ((int(event.position().x()), int(event.position().y())))
        keys = QtWidgets.QApplication.keyboardModifiers()
        control, shift = (bool(keys & key) for key in (QtCore.Qt.ControlModifier, QtCore.Qt.ShiftModifier))
        self._interactor.SetEventInformation(x, y, control, shift)
        self._interactor.InvokeEvent(name)

    def paintEvent(self, event):
        if self._pixels is None or self._pixels.shape[:2] != (self.height, self.width):
            self.forceRender()
        rows, columns, _ = self._pixels.shape
        image = QtGui.QImage(self._pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format.Format_RGB888)
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, image)
        painter.end()

    def convertDeviceToXYZ(self, position):
        return [position[0], self.height - position[1] - 1, 0]

    def convertXYZToRAS(self, position):
        return list(self._node.GetXYToRAS().MultiplyPoint((*position, 1))[:3])

    def convertRASToXYZ(self, position):
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint((*position, 1))[:3])
