"""What Slicer loads: the module's name and description; everything else is in MMHVAESynthesisLib."""

from MMHVAESynthesisLib.about import CONTRIBUTORS, acknowledgement, documentation_link
from MMHVAESynthesisLib.logic import MMHVAESynthesisLogic  # noqa: F401 - found here by Slicer
from MMHVAESynthesisLib.sample_data import register_sample_data
from MMHVAESynthesisLib.test import MMHVAESynthesisTest  # noqa: F401
from MMHVAESynthesisLib.views import annotate_slice_views
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
        self.parent.contributors = CONTRIBUTORS
        self.parent.helpText = _(
            "Synthesises the MR images that are missing from those that are there, intraoperative ultrasound among"
            " them. Choose what you have, tick what you want, press Apply. Synthetic images are computed, not"
            " measured: for research, not approved for clinical use."
        ) + documentation_link("First result in Slicer")
        self.parent.acknowledgementText = acknowledgement()
        app.connect("startupCompleted()", register_sample_data)
        app.connect("startupCompleted()", annotate_slice_views)  # also for a scene that is loaded with no panel opened
