"""The module ``ctk``: stand-ins of those widgets of CTK that our modules use."""

from .buttons import ctkCheckablePushButton, ctkCheckBox, ctkColorPickerButton, ctkMenuButton
from .collapsible_button import ctkCollapsibleButton
from .collapsible_group_box import ctkCollapsibleGroupBox
from .message_box import ctkMessageBox
from .paths import ctkDirectoryButton, ctkPathLineEdit
from .range_widget import ctkDoubleRangeSlider, ctkRangeWidget
from .slider import ctkDoubleSpinBox, ctkSliderWidget
from .text import ctkComboBox, ctkFittedTextBrowser

__all__ = [
    "ctkCheckBox",
    "ctkCheckablePushButton",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkColorPickerButton",
    "ctkComboBox",
    "ctkDirectoryButton",
    "ctkDoubleRangeSlider",
    "ctkDoubleSpinBox",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkMessageBox",
    "ctkPathLineEdit",
    "ctkRangeWidget",
    "ctkSliderWidget",
]
