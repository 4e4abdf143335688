"""What Slicer loads: the module's name and description; everything else is in MMHVAESynthesisLib."""

from MMHVAESynthesisLib.logic import MMHVAESynthesisLogic  # noqa: F401 - found here by Slicer
from MMHVAESynthesisLib.sample_data import register_sample_data
from MMHVAESynthesisLib.test import MMHVAESynthesisTest  # noqa: F401
from MMHVAESynthesisLib.widget import MMHVAESynthesisWidget  # noqa: F401
from slicer import app
from slicer.i18n import tr as _, translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class MMHVAESynthesis(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MMHVAE Synthesis")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Ultrasound")]
        self.parent.dependencies = ["Colors", "Sequences"]
        self.parent.contributors = ["The MMHVAE for 3D Slicer developers"]
        self.parent.helpText = _(
            "Synthesises the MR images that are missing from those that are there, intraoperative ultrasound among"
            " them. Choose what you have, tick what you want, press Apply. Synthetic images are computed, not"
            " measured: for research, not approved for clinical use."
        )
        self.parent.acknowledgementText = _(
            "The model is the mixture of multimodal hierarchical variational auto-encoders (MMHVAE) of Dorent et al."
        )
        app.connect("startupCompleted()", register_sample_data)
