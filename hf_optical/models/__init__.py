"""Teacher and student: `PreTrainedModel`s that travel to the Hub with their code."""

from transformers import AutoConfig, AutoModel

from .configuration_optical import OpticalConfig, OpticalStudentConfig, OpticalTeacherConfig
from .modeling_optical import OpticalOutput, OpticalPreTrainedModel, maxsim
from .modeling_student import OpticalStudentModel, TeacherMismatchError
from .modeling_teacher import OpticalTeacherModel
from .processing_optical import OpticalProcessor, add_markers

for _config, _model in ((OpticalTeacherConfig, OpticalTeacherModel), (OpticalStudentConfig, OpticalStudentModel)):
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
    AutoModel.register(_config, _model, exist_ok=True)
    # the code files are saved with the model, for loading with trust_remote_code where this package is not installed
    _config.register_for_auto_class()
    _model.register_for_auto_class("AutoModel")

__all__ = [
    "OpticalConfig",
    "OpticalOutput",
    "OpticalPreTrainedModel",
    "OpticalProcessor",
    "OpticalStudentConfig",
    "OpticalStudentModel",
    "OpticalTeacherConfig",
    "OpticalTeacherModel",
    "TeacherMismatchError",
    "add_markers",
    "maxsim",
]
